"""What a recording runs with, and what it says of the machine."""

import os
import subprocess
import sys

import pytest

from benchmarks import configurations, machine, record
from benchmarks.configurations import Configuration, chosen, defaults

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 23
model\t\t: 49
model name\t: AMD EPYC 7B12(R)  Processor
flags\t\t: fpu avx avx2

processor\t: 1
model name\t: another
"""
FEATURES = ["X86_V3", "X86_V4", "AVX512_ICL"]


def names(*arguments):
    return [each.name for each in defaults(*arguments)]


def test_the_three_configurations_of_an_avx2_machine():
    assert names(2, {"avx2"}, False) == ["2-threads-avx2", "1-thread-avx2", "1-thread-no-vectors"]


def test_wider_vectors_and_a_gpu_come_on_top():
    assert names(8, {"avx2", "avx512f"}, True) == [
        "2-threads-avx512",
        "2-threads-avx2",
        "1-thread-avx2",
        "1-thread-no-vectors",
        "cuda",
    ]
    assert names(1, set(), False) == ["1-thread-no-vectors"]


def test_one_configuration_by_name():
    possible = defaults(2, {"avx2"}, False)
    assert chosen("1-thread-avx2", possible) == [Configuration(1, "avx2")]
    assert chosen("", possible) == possible
    with pytest.raises(ValueError, match=r"CONFIG = 'cuda' was given; accepted here are 2-threads-avx2, 1-thread-avx2"):
        chosen("cuda", possible)


def test_variables():
    plain = Configuration(2, "avx512").variables(FEATURES)
    assert plain == {
        "OMP_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "PLAPLACE_BENCH_DEVICE": "cpu",
    }
    assert Configuration(1, "avx2").variables(FEATURES)["NPY_DISABLE_CPU_FEATURES"] == "X86_V4 AVX512_ICL"
    off = Configuration(1, "no-vectors", "cuda").variables(FEATURES)
    assert off["NPY_DISABLE_CPU_FEATURES"] == "X86_V3 X86_V4 AVX512_ICL"
    assert (off["ATEN_CPU_CAPABILITY"], off["PLAPLACE_BENCH_DEVICE"]) == ("default", "cuda")


@pytest.mark.parametrize(
    ("vectors", "said"), [("avx2", ("AVX2", "DEFAULT", "NO AVX")), ("no-vectors", ("DEFAULT", "NO AVX"))]
)
def test_torch_and_numpy_obey(vectors, said):
    # the switches are other people's: a version that renames one must be noticed
    variables = Configuration(1, vectors).variables(record.numpy_features())
    code = "import torch, numpy; print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], env=os.environ | variables, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    capability, threads = run.stdout.decode().rsplit(maxsplit=1)
    assert capability in said and threads == "1"


def test_the_machine_is_named_by_its_processor():
    fields = machine.cpu_lines(CPUINFO)
    assert machine.processor(fields) == "AMD EPYC 7B12 23/49"
    assert fields["flags"] == "fpu avx avx2"
    assert machine.slug("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3"


def test_the_host_is_not_named():
    import platform

    said = machine.describe("1-thread-avx2")
    assert set(said) == {"machine", "os", "arch", "cpu", "num_cpu", "ram"}
    assert said["machine"].endswith("-1-thread-avx2")
    assert platform.node() not in "".join(said.values()) and "/" not in said["machine"] + said["os"]
    assert machine.describe("cuda", "NVIDIA H100")["machine"] == "nvidia-h100-cuda"


def test_only_what_is_measured_must_be_committed():
    status = " M plaplace/noise.py\n?? results/asv/x.json\n?? reference/new.py\n M README.md\n M plaplace_notes.md"
    assert record.changed(status) == [" M plaplace/noise.py", "?? reference/new.py"]


def test_every_switch_is_described():
    used = {name for each in configurations._SWITCHES.values() for name in each}
    assert all(name in configurations.__doc__ for name in used)
