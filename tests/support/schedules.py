"""Whole sessions of scripted children, without a process: their start and a listener."""

from scripted import ScriptedChild

from dlbench.record import journal
from dlbench.record.schema import Plan
from dlbench.session import schedule
from dlbench.session.machine import here
from dlbench.session.plan import expand, groups
from dlbench.spec import Policy

POLICY = Policy(processes=3, samples=2, latency_steps=1)


class Diary:
    """A listener that writes down its calls."""

    def __init__(self):
        self.groups, self.runs, self.reasons, self.left, self.discarded, self.built = [], [], [], [], [], []

    def group_started(self, group, done, total, seconds_left):
        self.groups.append((done, total, group.specs))
        self.left.append(seconds_left)

    def discarding(self, spec):
        self.discarded.append(spec)

    def building(self, arm):
        self.built.append(arm)

    def looking(self, text):
        pass

    def finished(self, run):
        self.runs.append(run)

    def stopped(self, reason):
        self.reasons.append(reason)


def record(planned, folder, diary, start, policy=POLICY):
    """A whole session in this folder."""
    specs = tuple(dict.fromkeys(spec for group in planned for spec in group.specs))
    with journal.begin(folder, Plan(session="s", specs=specs, policy=policy)) as book:
        return schedule.record(planned, book, diary, here(start))


def plan(policy=POLICY, **axes):
    axes = {"plugin": ["fake.linear", "twin.linear"], "phase": ["train"], **axes}
    return groups(expand(axes, policy), policy)


class Children:
    """Starts scripted children and keeps them."""

    def __init__(self, make=lambda spec: ScriptedChild()):
        self.make, self.made = make, []

    def __call__(self, spec, policy, place=0):
        self.made.append((spec, self.make(spec)))
        return self.made[-1][1]

    def of(self, plugin):
        return [child for spec, child in self.made if spec.plugin == plugin]
