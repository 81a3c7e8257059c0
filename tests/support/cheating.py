"""The cheats of `studies.cheats`, each with the clause that names it."""

from studies.cheats import programs

ANEW, SEEN, READ = (
    "outputs_are_computed_anew",
    "nothing_is_kept_from_a_batch_that_was_seen",
    "nothing_is_left_until_it_is_read",
)
WHOLE, ALONE, CLOCKS = (
    "every_sample_of_a_batch_counts",
    "inputs_are_left_alone",
    "clocks_and_collector_are_left_alone",
)
BARRIER = "no_work_outlives_the_barrier"
CHEATS = [
    (programs.KeepsByIdentity, SEEN),
    (programs.KeepsByValue, SEEN),
    (programs.KeepsByFirstBytes, ANEW),
    (programs.KeepsByAddress, ANEW),
    (programs.KeepsLater, SEEN),
    (programs.SkipsSeen, SEEN),
    (programs.ReplaysGradients, SEEN),
    (programs.LazyOutputs, READ),
    (programs.LazySteps, READ),
    (programs.PastTheBarrier, BARRIER),
    (programs.SlowClock, CLOCKS),
    (programs.SlowHarness, CLOCKS),
    (programs.NoCollector, CLOCKS),
    (programs.WritesInputs, ALONE),
    (programs.IgnoresBatch, WHOLE),
    (programs.HalfBatch, WHOLE),
    (programs.WorksInStage, ANEW),
]
