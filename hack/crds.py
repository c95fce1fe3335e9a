"""Write the CustomResourceDefinition and its reference: `make generate`.

It goes to crds/ and into the Helm chart, there between the lines that make it optional. docs/resource.md lists its
fields. With --check nothing is written, and the exit status is 1 when a file is stale.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml
from resource_reference import reference

from modelprofiler.api.crd import custom_resource_definition

ROOT = Path(__file__).resolve().parent.parent
CRD = ROOT / "crds" / "modelprofiles.modelprofiler.io.yaml"
DOCS = ROOT / "docs" / "resource.md"
CHART_CRD = ROOT / "charts" / "modelprofiler" / "templates" / "crds.yaml"
HEADER = "# Made from the types in operator/modelprofiler/api. Do not edit: change those, then run `make generate`.\n"
GUARD = "{{- if .Values.crds.install }}\n"
END = "{{- end }}\n"
NAME = "metadata:\n  name: modelprofiles.modelprofiler.io\n"
KEPT = NAME + (
    "  annotations:\n"
    "    # Uninstalling the chart must not delete every ModelProfile of the cluster.\n"
    "    helm.sh/resource-policy: keep\n"
)


class _Dumper(yaml.SafeDumper):
    """No anchors and aliases: a schema used twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def render() -> dict[Path, str]:
    """Return each file's path with the text it must have."""
    definition = custom_resource_definition()
    text = HEADER + yaml.dump(definition, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    page = reference(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    return {CRD: text, CHART_CRD: GUARD + text.replace(NAME, KEPT, 1) + END, DOCS: page}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file is stale")
    check = parser.parse_args().check
    stale = [p for p, text in render().items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'stale; run make generate' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render()[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
