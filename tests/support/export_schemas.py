"""Documented forms of the files that services read, as JSON Schema."""

NUMBER, TEXT = {"type": "number"}, {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
BENCHMARK_V3 = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["benchmark", "model", "metric"],
        "properties": {
            "benchmark": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {
                    "name": TEXT,
                    "mode": {"enum": ["training", "inference"]},
                    "dtype": TEXT,
                    "extra_info": TEXTS,
                },
            },
            "model": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {"name": TEXT, "type": TEXT, "backend": TEXT, "extra_info": TEXTS},
            },
            "metric": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "benchmark_values"],
                "properties": {
                    "name": TEXT,
                    "benchmark_values": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "number", "minimum": -3.41e38, "maximum": 3.41e38},
                    },
                    "extra_info": TEXTS,
                },
            },
            "runners": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "cpu_info": TEXT,
                        "cpu_count": {"type": "integer", "minimum": 0},
                        "mem_info": TEXT,
                        "gpu_info": TEXT,
                    },
                },
            },
            "dependencies": {
                "type": "object",
                "additionalProperties": {"type": "object", "properties": {"version": TEXT}},
            },
        },
    },
}
"""Written anew from the columns of `oss_ci_benchmark_v3` (pytorch/test-infra) and the required fields of the wiki."""
BENCHER = {
    "type": "object",
    "patternProperties": {
        "^.{1,1024}$": {
            "type": "object",
            "patternProperties": {
                "^.{1,64}$": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["value"],
                    "properties": {"value": NUMBER, "lower_value": NUMBER, "upper_value": NUMBER},
                }
            },
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}
"""Written anew from bencher.dev/docs/reference/bencher-metric-format, with the lengths that it states."""
GITHUB = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "unit", "value"],
        "properties": {"name": TEXT, "unit": TEXT, "value": NUMBER, "range": TEXT, "extra": TEXT},
    },
}
"""Written anew from the README of benchmark-action/github-action-benchmark."""
