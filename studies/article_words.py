"""Words of the tables of the article's pages, in English and Chinese."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """Words of the tables in one language."""

    arm: str
    both: str
    step: str
    memory: str
    first: str
    curve: str
    why: str
    program: str
    arms: str
    length: str
    work: str
    none: str


WORDS = {
    "en": Words(
        arm="arm",
        both="### TensorFlow and PyTorch, a training step\n\nThe time of a step, then its ratio to that of `tf graph`, "
        "on two threads, from `reports/all-plugins`.",
        step="### Keras and JAX too, a training step\n\nThe time of a step, then its ratio to that of "
        "`keras-tf graph`, on one thread. A program that is no column was not\nmeasured, and – in a cell was not "
        "measured, or is not compared because other programs held the processors. A ratio alone is of one\n"
        "process: it decides nothing, and has no time beside it.",
        memory="### Memory\n\nPeak memory above what the process held after its imports. A column without Keras and "
        "JAX is of two threads,\nfrom `reports/all-plugins`.",
        first="### The first step\n\nIt holds tracing and compiling. Columns are as for memory.",
        curve="### The curve\n\nQuality on held-out data of real tasks, from the first evaluation to the last, each "
        "between its own least and greatest:\nfor series, images made and text less is better. Then the steps "
        "to the target, the median of the seeds, five of them unless\nfewer stand there, and those that reached it. "
        "[Tasks](tasks.md) has the targets.",
        why="### Why: op by op\n\nA step and its parts, first of the first arm and then of the second, on one thread "
        "of a busy machine. `dispatch` is the way\nto an operation, `Python` the time between operations, work the "
        "operations themselves; gaps and waiting are in no column.\n– has no times, for a profile cost too much.",
        program="program",
        arms="arms",
        length="step",
        work="work",
        none="Not measured yet.",
    ),
    "zh": Words(
        arm="配置",
        both="### 一步训练：TensorFlow 和 PyTorch\n\n一步的时间，然后是它相当于 `tf graph` 的几倍及其区间；两个线程，"
        "数据来自 `reports/all-plugins`。",
        step="### 一步训练：加上 Keras 和 JAX\n\n一步的时间，然后是它相当于 `keras-tf graph` 的几倍及其区间；一个线程。"
        "没有列出的程序没有测量；“–” 表示没有测量，或者因其他程序占用处理器而不作比较。"
        "单独的比值来自一个进程，不能作为结论，也不列出时间。",
        memory="### 内存\n\n超出导入之后已占用部分的内存峰值。"
        "没有 Keras 和 JAX 的列是两个线程，来自 `reports/all-plugins`。",
        first="### 第一步\n\n包含追踪和编译。各列来源同上。",
        curve="### 训练曲线\n\n真实任务的留出数据上的质量，从第一次评估到最后一次，每格按自己的最小值和最大值缩放"
        "（序列、生成图像和文本越小越好）。然后是达到目标所需的步数（各种子的中位数；没有另外写明时是五个种子）和达到目标的种子数。"
        "目标见 [Tasks](tasks.md)。",
        why="### 为什么：逐个算子\n\n一步的时间及其组成，先是第一个配置，然后是第二个；一个线程，机器繁忙。"
        "`dispatch` 是框架找到并启动算子的时间，`Python` 是算子之间的时间，“计算” 是算子本身；空闲和等待不在任何一列。"
        "“–” 表示剖析的开销太大，不给出时间。",
        program="程序",
        arms="配置",
        length="一步",
        work="计算",
        none="尚未测量。",
    ),
}
