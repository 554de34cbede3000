"""The commands and their arguments."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from sklearn_dl import __version__
from sklearn_dl._cli._console import CommandError, tell

MODEL_NAMES = ("linear", "forest", "boosting", "network", "tabular")
_DEFAULT_MODELS = "linear,forest,boosting,network"

_COMPARE_DESCRIPTION = """\
Search the parameters of several kinds of models, compare the searches by
cross-validation, print the ranking and write it as a page (comparison.html) and a
picture (comparison.png). Without --data it shows this on the breast cancer data that
scikit-learn ships.

Results are kept in results.jsonl as they come: a comparison that was stopped goes on
where it was when the same command is run again."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, default=None
        The arguments. None takes those of the process.

    Returns
    -------
    code : int
        0 if all went well, 1 if no model could be fitted, 2 if the arguments or the
        data are wrong, 130 if interrupted from the keyboard.
    """
    parser = _make_parser()
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        tell(parser.format_help())
        return 2
    try:
        # What the commands need takes seconds to import: --help does not wait for it.
        from sklearn_dl._cli._compare import run_compare

        return run_compare(parsed)
    except CommandError as error:
        tell(f"sklearn_dl compare: error: {error}")
        return 2
    except KeyboardInterrupt:
        tell(
            "\nsklearn_dl compare: interrupted. Run the same command again to go on: "
            f"finished results are in {parsed.out / 'results.jsonl'}."
        )
        return 130


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sklearn_dl", description="Machine learning as scikit-learn estimators."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    compare = commands.add_parser(
        "compare",
        help="compare searched models on a table of data",
        description=_COMPARE_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = compare.add_argument
    add("--data", type=Path, metavar="FILE", help="a CSV file, which may be gzipped")
    add("--target", metavar="COLUMN", help="the column to predict")
    add(
        "--task",
        choices=("auto", "classification", "regression"),
        default="auto",
        help="what the target is; auto: text and few distinct integers are classes",
    )
    add(
        "--models",
        type=_model_names,
        default=_DEFAULT_MODELS,
        metavar="NAMES",
        help=f"some of {','.join(MODEL_NAMES)} (default: {_DEFAULT_MODELS})",
    )
    add("--cv", type=_at_least(2), default=5, metavar="K", help="folds (default: 5)")
    add(
        "--candidates",
        type=_at_least(1),
        default=6,
        metavar="N",
        help="parameters tried in each search (default: 6)",
    )
    add(
        "--scoring",
        metavar="NAMES",
        help="metrics of scikit-learn; the first ranks (default: accuracy or r2 first)",
    )
    add(
        "--rope",
        type=float,
        default=0.01,
        metavar="WIDTH",
        help="scores that differ by no more are equal, in units of the metric "
        "(default: 0.01)",
    )
    add(
        "--n-jobs",
        type=int,
        default=-1,
        metavar="N",
        help="fits at a time; -1 is one for each core (default: -1)",
    )
    add(
        "--seed",
        type=_at_least(0),
        default=0,
        help="seed of folds, searches and models (default: 0)",
    )
    add(
        "--out",
        type=Path,
        default=Path("sklearn_dl-comparison"),
        metavar="DIR",
        help="where to write (default: sklearn_dl-comparison)",
    )
    add(
        "--restart",
        action="store_true",
        help="discard the results of an earlier run in DIR",
    )
    return parser


def _model_names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in MODEL_NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"expected some of {','.join(MODEL_NAMES)}; got {text!r}"
        )
    return list(dict.fromkeys(names))


def _at_least(minimum: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(
                f"expected an integer of at least {minimum}; got {text!r}"
            )
        return value

    return integer
