"""Print how far the forecast is off for simulated accounts, as tables for the page."""

import argparse
import sys

from .errors import lines, simulate


def main() -> None:
    """Simulate as many accounts as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=300, help="in each setting")
    results = simulate(parser.parse_args().accounts)
    sys.stdout.writelines(f"{line}\n" for line in lines(results))


if __name__ == "__main__":
    main()
