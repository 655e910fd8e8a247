"""pytest-benchmark's JSON without machine and user, and the ratios to ours at the end of the run."""

from ratios import printed


def pytest_benchmark_update_machine_info(config, machine_info):
    """Host names and paths stay here."""
    cpu = machine_info.get("cpu", {}).get("brand_raw", "")
    python = machine_info.get("python_version", "")
    machine_info.clear()
    machine_info.update(cpu=cpu, python_version=python)


def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    if session is not None and session.benchmarks:
        terminalreporter.write_line(printed(session.benchmarks))
