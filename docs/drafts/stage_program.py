"""Runs in the staging Job (stage) and in an init container of each replica (verify). Standard library only: it is given
to python3 -c of the engine's own image. python3 -c PROGRAM stage|verify ROOT KEY REPO REVISION DIGEST"""
import hashlib, json, os, pathlib, shutil, sys, time, urllib.parse, urllib.request

MODE, ROOT, KEY, REPO, REVISION, DIGEST = sys.argv[1:7]
ROOT = pathlib.Path(ROOT)
DONE, PARTIAL, LIST = ROOT / KEY, ROOT / (KEY + ".partial"), "SHA256SUMS"
HUB = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
SLACK, CHUNK, TRIES = 1 << 28, 1 << 20, 5


def end(text, code=1):
    try:
        pathlib.Path(os.environ.get("TERMINATION_LOG", "/dev/termination-log")).write_text(text)
    except OSError:
        pass
    print(text, flush=True)
    sys.exit(code)


def asked(url, **headers):
    path = os.environ.get("HF_TOKEN_PATH")
    if path and os.path.exists(path):
        headers["Authorization"] = "Bearer " + pathlib.Path(path).read_text().strip()
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60)


def sums(path, *kinds):
    found = [hashlib.new(kind) for kind in kinds]
    with open(path, "rb") as file:
        if "sha1" in kinds:
            found[kinds.index("sha1")].update(b"blob %d\0" % os.path.getsize(path))  # as git names it
        while chunk := file.read(CHUNK):
            for each in found:
                each.update(chunk)
    return [each.hexdigest() for each in found]


def inside(name):
    path = pathlib.PurePosixPath(name)
    return name and not path.is_absolute() and ".." not in path.parts and LIST not in path.parts


def listed():
    url = f"{HUB}/api/models/{urllib.parse.quote(REPO)}/revision/{urllib.parse.quote(REVISION, safe='')}?blobs=true"
    with asked(url) as answer:
        files = json.load(answer)["siblings"]
    bad = [one["rfilename"] for one in files if not inside(one["rfilename"])]
    if bad or not files:
        end(f"{REPO} lists {bad or 'no files'}")
    return files


def make_room(files):
    have = sum(p.stat().st_size for p in PARTIAL.rglob("*") if p.is_file()) if PARTIAL.exists() else 0
    need = sum(int(one.get("size") or 0) for one in files) - have + SLACK
    others = sorted((p for p in ROOT.iterdir() if p.is_dir() and (p / LIST).exists() and p != DONE),
                    key=lambda p: (p / LIST).stat().st_mtime)
    stale = [p for p in ROOT.glob("*.partial") if p != PARTIAL]
    for old in [*stale, *others[:-1]]:  # never the newest: it serves
        if shutil.disk_usage(ROOT).free >= need:
            return
        shutil.rmtree(old)
    free = shutil.disk_usage(ROOT).free
    if free < need:
        end(f"the volume has {free >> 20} MiB free and {REPO} needs {need >> 20} MiB more: enlarge the claim")


def fetch(one):
    path = PARTIAL / one["rfilename"]
    path.parent.mkdir(parents=True, exist_ok=True)
    lfs, size = one.get("lfs") or {}, int(one.get("size") or 0)
    kind, wanted = ("sha256", lfs["sha256"]) if lfs else ("sha1", one["blobId"])
    for turn in range(TRIES):
        try:
            at = path.stat().st_size if path.exists() else 0
            if at > size:
                path.unlink(); at = 0
            if at < size or not path.exists():
                url = f"{HUB}/{urllib.parse.quote(REPO)}/resolve/{urllib.parse.quote(REVISION, safe='')}/{urllib.parse.quote(one['rfilename'])}"
                with asked(url, **({"Range": f"bytes={at}-"} if at else {})) as answer, open(path, "ab" if at and answer.status == 206 else "wb") as file:
                    shutil.copyfileobj(answer, file, CHUNK)
                    file.flush(); os.fsync(file.fileno())
            if path.stat().st_size == size:
                found = sums(path, *{kind: None, "sha256": None})
                if found[0] == wanted:
                    return found[-1]
                path.unlink()
        except OSError as error:
            print(f"{one['rfilename']}: {error}", flush=True)
        time.sleep(min(2 ** turn, 30) * float(os.environ.get("PAUSE", "1")))
    end(f"{one['rfilename']} of {REPO} did not arrive as the Hub says it is ({kind} {wanted[:12]}) in {TRIES} tries")


def verify():
    text = (DONE / LIST).read_text()
    if DIGEST and "sha256:" + hashlib.sha256(text.encode()).hexdigest() != DIGEST:
        end(f"the list of {KEY} is not the one of source.digest")
    wanted = dict(reversed(line.split("  ", 1)) for line in text.splitlines())
    there = {str(p.relative_to(DONE)) for p in DONE.rglob("*") if p.is_file()} - {LIST}
    if there != set(wanted):
        end(f"{KEY} has other files than were staged: {sorted(there ^ set(wanted))[:3]}")
    for name, digest in wanted.items():
        if sums(DONE / name, "sha256") != [digest]:
            end(f"{name} of {KEY} is not what was staged: nothing is served from it")


if MODE == "stage":
    if (DONE / LIST).exists():
        verify(); os.utime(DONE / LIST); end("staged already, verified", 0)
    files = listed(); make_room(files)
    lines = sorted((one["rfilename"], fetch(one)) for one in files)
    text = "".join(f"{digest}  {name}\n" for name, digest in lines)
    if DIGEST and "sha256:" + hashlib.sha256(text.encode()).hexdigest() != DIGEST:
        end(f"what the Hub has is not source.digest: it is sha256:{hashlib.sha256(text.encode()).hexdigest()}")
    (PARTIAL / LIST).write_text(text); os.sync(); PARTIAL.rename(DONE)
    end(f"staged {len(lines)} files", 0)
if not (DONE / LIST).exists():
    end(f"{KEY} is not staged: see the Job of the model")
verify()
end("verified", 0)
