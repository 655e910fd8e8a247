"""`python -m plaplace.cli`."""

from plaplace.cli import app

if __name__ == "__main__":
    app(prog_name="plaplace")
