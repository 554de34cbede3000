"""The pages around the code say what is there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FRAGMENTS = sorted((ROOT / "changelog.d").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_targets(page):
    commands = set(re.findall(r"\bmake ([a-z-]+)\b(?=`| +#)", page.read_text()))
    assert commands
    for command in commands:
        subprocess.run(
            ["make", "--dry-run", command], cwd=ROOT, check=True, capture_output=True
        )


def test_changelog_fragments_have_a_known_type():
    assert FRAGMENTS or "## " in (ROOT / "CHANGELOG.md").read_text()
    pattern = r"\+[a-z0-9-]+\.(added|changed|fixed|removed)\.md"
    assert [f.name for f in FRAGMENTS if not re.fullmatch(pattern, f.name)] == []


def test_every_guide_page_begins_with_a_title():
    pages = sorted((ROOT / "docs" / "guide").glob("*.rst"))
    assert pages
    # A label may stand above; the title has a line of = signs above and below it.
    pattern = r"(?:\.\. _[\w-]+:\n\n)?(=+)\n(.+)\n\1\n"
    for page in pages:
        title = re.match(pattern, page.read_text())
        assert title, page.name
        assert len(title[1]) >= len(title[2]), page.name
