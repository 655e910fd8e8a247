"""One revision's side of `check.py`: sets up a benchmark of the suite and runs it as often as it is told.

    PYTHONPATH=ROOT python benchmarks/worker.py [--lenient]

Requests on stdin, answers on stdout, one JSON object a line.

The suite is the one beside this file, the package is ROOT's; with --lenient, modules that ROOT cannot import are left
out.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

from asv_runner.discovery import disc_benchmarks

SUITE = Path(__file__).parent / "benchmarks"


class Worker:
    def __init__(self, lenient):
        self.benchmarks = {each.name: each for each in disc_benchmarks(str(SUITE), ignore_import_errors=lenient)}
        self.bench = None

    def list(self):
        """Every benchmark: its type, its cases by their parameters, and what `check.py` reads from its attributes."""
        import plaplace

        return {
            "package": str(Path(plaplace.__file__).parent),
            "benchmarks": {
                name: {
                    "type": each.type,
                    "cases": list(_cases(each)),
                    "noisy": bool(getattr(each.func, "noisy", False)),
                    "slack": float(getattr(each.func, "slack", 0.0)),
                }
                for name, each in self.benchmarks.items()
            },
        }

    def setup(self, name, case):
        """Whether there is something to run: a benchmark that raises NotImplementedError has nothing here."""
        self.bench = self.benchmarks[name]
        if self.bench._params:
            self.bench.set_param_idx(case)
        return {"skipped": bool(self.bench.do_setup())}

    def run(self, number):
        """Processor and wall seconds a call."""
        call, arguments = self.bench.func, self.bench._current_params
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(number):
            call(*arguments)
        return {"cpu": (time.process_time() - cpu) / number, "wall": (time.perf_counter() - wall) / number}

    def value(self):
        """What a `track_` returns; of a `peakmem_`, the most memory of this process so far, in MiB."""
        result = self.bench.func(*self.bench._current_params)
        if self.bench.type == "peakmemory":
            return {"value": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        return {"value": float(result)}

    def teardown(self):
        self.bench.do_teardown()
        self.bench = None
        return {}


def _cases(bench):
    """The parameters of each case in words."""
    number = 1
    for values in bench._params:
        number *= len(values)
    for index in range(number):
        if not bench._params:
            yield ""
            continue
        bench.set_param_idx(index)
        yield ", ".join(map(str, bench._current_params))


def serve(requests, answers, lenient):
    worker = Worker(lenient)
    for line in requests:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # the benchmark's own, whatever it is: the other side reports it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what a benchmark prints is no answer
        serve(sys.stdin, answers, "--lenient" in sys.argv)
