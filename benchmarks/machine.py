"""What the pages say of a machine: its processor, memory and system; never its host's name."""

import os
import platform
import re
from pathlib import Path


def cpu_lines(text: str) -> dict[str, str]:
    """The first processor of /proc/cpuinfo, field by field."""
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}


def processor(fields: dict[str, str]) -> str:
    """Name with family/model, which tell generations of the same name apart."""
    name = re.sub(
        r"\((?:R|TM)\)|\bCPU\b|\bProcessor\b|@.*", "", fields.get("model name", platform.machine()), flags=re.I
    )
    numbers = [fields[key] for key in ("cpu family", "model") if key in fields]
    return " ".join([*name.split(), *(["/".join(numbers)] if numbers else [])])


def slug(text: str) -> str:
    """Letters, digits and single hyphens.

    >>> slug("AMD EPYC 25/17")
    'amd-epyc-25-17'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def fields() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    return cpu_lines(path.read_text(encoding="utf-8")) if path.exists() else {}


def flags() -> set[str]:
    return set(fields().get("flags", "").split())


def describe(configuration: str, accelerator: str = "") -> dict[str, str]:
    """asv's machine entry of a configuration; its name is the processor (the accelerator) and the configuration."""
    cpu = processor(fields())
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "machine": f"{slug(accelerator or cpu)}-{configuration}",
        "os": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "arch": platform.machine(),
        "cpu": cpu + (f" with {accelerator}" if accelerator else ""),
        "num_cpu": str(os.cpu_count()),
        "ram": f"{gigabytes:.0f} GB",
    }
