"""Plugins whose settings do not take effect, are lost, or change the model."""

from dlbench_fake import settings
from dlbench_fake.linear import LinearPlugin


class Stuck(LinearPlugin):
    def settings(self, spec):
        return settings.table(spec, "stuck")


class Fading(LinearPlugin):
    def settings(self, spec):
        return settings.table(spec, "fading")


class Widening(LinearPlugin):
    def settings(self, spec):
        return settings.table(spec, "wide")


class Shifting(LinearPlugin):
    """Other initial values with a setting than without it."""

    def build(self, request):
        info = super().build(request)
        if self._asked.get("speed") == "fast":
            self._parameters["bias"] = self._parameters["bias"] + 1
        return info


class Raising(LinearPlugin):
    """A setting that is refused, but not with Unsupported."""

    def build(self, request):
        if request.spec.settings == {"speed": "fast"}:
            raise ValueError("no such speed")
        return super().build(request)


UNSETTLED = [(one, "settings_take_effect") for one in (Stuck, Fading, Widening, Shifting, Raising)]
