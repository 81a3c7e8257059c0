"""The command `dlbench compare` as tests call it, in this process."""

import pytest

from dlbench.cli import main


@pytest.fixture
def run(monkeypatch, capfd):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["dlbench", "compare", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main.main()
        said = capfd.readouterr()
        return caught.value.code, said.out, said.err

    monkeypatch.setenv("COLUMNS", "200")
    return run
