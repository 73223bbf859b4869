import json
import resource
import subprocess
import sys

SCRIPT = """
import ctypes, json, os, resource
from mailserver.runtime.process import harden, private_umask
done = harden()
private_umask()
print(json.dumps({
    "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
    "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "told": done.file_descriptors,
    "claims": [done.core_files_off, done.not_dumpable],
    "umask": os.umask(0),
}))
"""


def test_hardened_process_leaves_no_core_and_no_open_door() -> None:
    # In a process of its own: limits that went down do not come up again.
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, text=True)
    found = json.loads(run.stdout)
    assert found["core"] == 0
    assert found["dumpable"] == 0
    assert found["claims"] == [True, True]
    assert found["umask"] == 0o077
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    assert found["descriptors"] == found["told"] >= wanted


def test_descriptors_already_plenty_stay_as_they_are() -> None:
    script = "import resource; r = resource; h = r.getrlimit(r.RLIMIT_NOFILE)[1]\n" + (
        "from mailserver.runtime.process import more_descriptors as more; print(more(1))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert int(run.stdout) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
