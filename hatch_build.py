"""Builds the web app before the package that carries it (Hatch's custom build hook).

An editable install builds it too, so that `pip install -e .` alone gives a working server.
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebApp(BuildHookInterface):  # type: ignore[type-arg]  # its configuration is of no matter
    """Runs `webui.front_end` where there are sources; else what was shipped built is taken."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless the environment says not to."""
        place = Path(self.root) / "webui" / "front_end.py"
        spec = importlib.util.spec_from_file_location("zegel_front_end", place)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(place)
        front_end = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = front_end  # dataclasses look their module up
        spec.loader.exec_module(front_end)
        app = front_end.FrontEnd.of(Path(self.root))
        if os.environ.get(front_end.SKIP) == "1" or not app.is_there:
            return
        if app.build():
            self.app.display_info("the web app was built")
