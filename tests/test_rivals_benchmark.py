"""What `make rivals` stores says which processor, and not whose machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pytest_benchmark", reason="needs pytest-benchmark")

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_stored_run_names_no_machine_and_ratios_are_printed(tmp_path):
    path = tmp_path / "benchmark.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "benchmarks/rivals"),
            *("--benchmark-timer=time.process_time", f"--benchmark-json={path}"),
            *("-k", "mlp-flux-32 and (frame or forward)"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    text = path.read_text()
    stored = json.loads(text)
    assert set(stored["machine_info"]) == {"cpu", "python_version"}
    assert str(ROOT) not in text and str(Path.home()) + "/" not in text and "0x" not in text
    assert [each["extra_info"]["role"] for each in stored["benchmarks"]] == ["ours", "floor"]
    assert all(each["stats"]["rounds"] == 7 for each in stored["benchmarks"])
    assert "sphere_flux frame p_laplacian" in done.stdout and "1 x ours" in done.stdout
