"""Sends random requests made of the published OpenAPI documents to a server of its own: python schema.py DEVCLUSTER.

No answer may be an error of the server's (5xx), and the server must live on. What leads elsewhere (proxies) is left out."""

import base64
import concurrent.futures
import json
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.request

import yaml

PROGRAM = sys.argv[1]
# A fault is to be found again: the same requests every time.
SEED, EXAMPLES = "1", "1"
# A watch is to end, and no request to wait for what never comes.
HOOK = """
import schemathesis

@schemathesis.hook
def map_query(context, query):
    return {**(query or {}), "timeoutSeconds": 1, "timeout": "5s"}
"""


def client_files(folder, kubeconfig):
    """The server's address, and the files with its CA and the administrator's certificate and key."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority, identity = folder / "ca.pem", folder / "client.pem"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    parts = (user["client-certificate-data"], user["client-key-data"])
    identity.write_bytes(b"\n".join(base64.b64decode(part) for part in parts))
    return cluster["server"], authority, identity


def fetch(url, authority, identity):
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(identity)
    with urllib.request.urlopen(url, context=context) as answer:
        return answer.read()


def try_group(path, folder, server, authority, identity):
    """How many requests went to the group version, and what the tool printed when one of them failed."""
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_CA_BUNDLE")}
    environment |= {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(folder)}
    report = folder / f"{path.replace('/', '_')}.json"
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"), "run", f"{server}/openapi/v3/{path}", "--url", server,
        "--tls-verify", authority, "--request-cert", identity, "--checks", "not_a_server_error", "--phases", "fuzzing",
        "--max-examples", EXAMPLES, "--seed", SEED, "--no-shrink", "--warnings", "off", "--request-timeout", "20",
        "--exclude-path-regex", "/proxy", "--report", "json", "--report-json-path", report,
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    sent = json.loads(report.read_text())["test_cases"]["generated"] if report.exists() else 0
    return sent, "" if done.returncode == 0 else done.stdout[-8000:] + done.stderr[-2000:]


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "hooks.py").write_text(HOOK)
        kubeconfig = folder / "kubeconfig"
        simulated = subprocess.Popen(
            [PROGRAM, "simulate", "--nodes", "1", "--kubeconfig", kubeconfig], stdout=subprocess.PIPE, text=True
        )
        try:
            simulated.stdout.readline()
            server, *files = client_files(folder, kubeconfig)
            documents = json.loads(fetch(f"{server}/openapi/v3", *files))["paths"]
            groups = [path for path in documents if path.startswith("apis/") and path.count("/") == 2] + ["api/v1"]
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                results = list(pool.map(lambda path: try_group(path, folder, server, *files), groups))
            for path, (sent, output) in zip(groups, results):
                if output or not sent:
                    raise SystemExit(f"{path}, after {sent} requests:\n{output}")
            print(sum(sent for sent, _ in results), "requests to", len(groups), "group versions")
            assert fetch(f"{server}/readyz", *files) == b"ok"
        finally:
            simulated.send_signal(signal.SIGINT)
            simulated.wait()


main()
