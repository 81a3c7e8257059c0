"""Demand of groups on nodes: what no node has is an error, workers share one node."""

import msgspec
import pytest
from schedules import plan

from dlbench.errors import DlbenchError, SpecError
from dlbench.record.schema import Plan
from dlbench.session.cluster import farm
from dlbench.session.cluster.demand import Demand, Node, described
from dlbench.spec import Policy
from studies.cluster.simulated import SimulatedCluster

pytestmark = pytest.mark.untimed

TWO = [Node("a" * 8, "10.0.0.1", 2), Node("b" * 8, "10.0.0.2", 2)]


def cluster(nodes):
    return SimulatedCluster(nodes, lambda group, node: 5.0, lambda plan, group, node: [])


@pytest.mark.parametrize(
    ("axes", "nodes", "said"),
    [
        (
            {"threads": [4]},
            TWO,
            "no node of the cluster has 4 CPUs for a group: 2 nodes with 2 CPUs; give fewer --threads",
        ),
        ({"device": ["gpu"]}, TWO, "has 1 CPU and 1 GPU for a group: 2 nodes with 2 CPUs; give --device cpu, or a"),
        ({"device": ["gpu:1"]}, TWO, "--device gpu:1 with --cluster: a node has the GPU that it leases"),
        ({}, [], "no node of the cluster has 1 CPU for a group: it has none; give a cluster with such a node"),
    ],
)
def test_what_no_node_has_is_an_error_that_says_what_there_is(axes, nodes, said):
    policy = Policy(processes=1)
    specs = [spec for group in plan(policy, **{"threads": [1], **axes}) for spec in group.specs]
    with pytest.raises((DlbenchError, SpecError)) as error:
        farm.require(cluster(nodes), Plan(session="s", specs=tuple(specs), policy=policy))
    assert said in str(error.value)


def test_workers_of_an_arm_are_on_one_node_and_each_has_its_share():
    (spec, *_) = plan(Policy(processes=1), plugin=["fake.linear"], threads=[2])[0].specs
    four = msgspec.structs.replace(spec, workers=4)
    assert Demand.of([spec, four], TWO) == Demand(8, 0)
    assert Demand.of([msgspec.structs.replace(four, device="gpu")], TWO) == Demand(8, 4)


def test_a_plan_for_any_device_goes_to_gpus_where_there_are_some():
    (spec,) = plan(Policy(processes=1), plugin=["fake.linear"], device=["auto"], threads=[1])[0].specs
    gpus = [Node("g", "10.0.0.3", 8, 2), TWO[0]]
    assert [Demand.of([spec], nodes).gpus for nodes in (TWO, gpus)] == [0, 1]
    assert described(gpus) == "1 node with 8 CPUs and 2 GPUs, 1 node with 2 CPUs"
