"""Acts as uv: `venv` makes a folder with an interpreter, `pip install` does what LUCID_FAKE_UV says."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

# A doctor that finds all well; the interpreter of the environment is this script.
DOCTOR = "#!/bin/sh\necho 'python 3.11'\necho 'torch 2.13.0'\n"


def main(arguments: list[str]) -> int:
    with Path(os.environ["LUCID_FAKE_UV_CALLS"]).open("a") as calls:
        calls.write(" ".join(arguments[:2]) + "\n")
    if arguments[0] == "venv":
        shutil.rmtree(arguments[-1], ignore_errors=True)
        python = Path(arguments[-1]) / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(DOCTOR)
        python.chmod(0o755)
        print("Creating the environment", flush=True)
        return 0
    match os.environ["LUCID_FAKE_UV"]:
        case "fails":
            print("Resolved 3 packages\nerror: Failed to write\n  caused by: No space left on device (os error 28)")
            return 2
        case "hangs":
            child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); "
            with subprocess.Popen([sys.executable, "-c", child + "time.sleep(600)"]) as process:
                print(f"child {process.pid}", flush=True)
                time.sleep(600)
    print("Downloading torch (180.0MiB)\n + torch==2.13.0", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
