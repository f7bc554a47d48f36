"""Keeps the widget's files under their immutable names in `static/released/`; run for each release of it."""

from pathlib import Path

from pollsvc.web.widget import Assets, static_folder


def freeze(folder: Path) -> list[str]:
    """Write this release's files; returns their names."""
    release = Assets().release
    for name, asset in release.items():
        (folder / name).write_bytes(asset.content)
    return list(release)


if __name__ == "__main__":
    print("\n".join(freeze(static_folder() / "released")))
