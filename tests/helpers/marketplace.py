"""Ask the Marketplace what it makes of our files.

Runs where Home Assistant has one, with `.dev/latest/bin/python`; the argument is the
folder of an unpacked release, next to its file.
Prints what was understood.
"""

import json
import logging
from pathlib import Path
import sys
import zipfile

from homeassistant.components.marketplace.repositories.base import (
    RepositoryManifest,
    _check_archive_size,
)
from homeassistant.components.marketplace.repositories.integration import (
    _check_loadable_manifest,
    _manifest_value,
    _validated_domain,
)
from homeassistant.components.marketplace.utils.validate import (
    REPOSITORY_MANIFEST_VALUES,
)

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Print what it takes from hacs.json and manifest.json; fail where it refuses."""
    # It warns of a value that it leaves out.
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    folder = Path(sys.argv[1])
    hacs = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
    unknown = hacs.keys() - REPOSITORY_MANIFEST_VALUES.keys()
    understood = RepositoryManifest.from_dict(hacs).to_dict()

    with zipfile.ZipFile(folder.with_suffix(".zip")) as archive:
        _check_archive_size(archive)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    domain = _validated_domain(manifest["domain"])
    _check_loadable_manifest(folder, domain)
    values = {
        key: _manifest_value(manifest, key, None)
        for key in ("codeowners", "config_flow", "name")
    }
    told = {
        "unknown": sorted(unknown),
        "hacs": {key: understood[key] for key in hacs},
        "manifest": {"domain": domain, **values},
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
