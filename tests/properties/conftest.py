"""The properties are of the fast forms too, which small problems would not meet."""

import pytest

from plaplace.mixture import evaluator


@pytest.fixture(autouse=True, scope="module")
def fast_forms_at_any_size():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluator, "_FEW_NUMBERS", 0)
        yield
