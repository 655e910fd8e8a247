"""asv's plugin: the environment that runs it, under a name that says versions and holds no path.

asv's own "existing" environment puts the interpreter's path into the names and contents of what is recorded.
"""

import platform
from importlib.metadata import version

from asv import environment


class Here(environment.ExistingEnvironment):
    tool_name = "here"

    def __init__(self, conf, executable, requirements, tagged_env_vars):
        super().__init__(conf, "same", requirements, tagged_env_vars)
        self._python = ".".join(platform.python_version_tuple()[:2])
        self._requirements = {"torch": version("torch"), "numpy": version("numpy")}

    @property
    def name(self):
        return environment.get_env_name("", self._python, self._requirements, {})
