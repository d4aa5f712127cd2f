import hashlib,http.server,json,os,pathlib,subprocess,sys,tempfile,threading
FILES={"config.json":b"{}"*10,"model-1.safetensors":os.urandom(3<<20),"sub/x.safetensors":os.urandom(1<<20)}
count={}; cut=[True]; flip=[False]
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(s):
        if s.path.startswith("/api/"):
            sib=[{"rfilename":n,"size":len(b),"blobId":hashlib.sha1(b"blob %d\0"%len(b)+b).hexdigest(),**({"lfs":{"sha256":hashlib.sha256(b).hexdigest()}} if "safe" in n else {})} for n,b in FILES.items()]
            b=json.dumps({"siblings":sib}).encode(); s.send_response(200); s.send_header("Content-Length",str(len(b))); s.end_headers(); s.wfile.write(b); return
        n=s.path.split("/resolve/r1/")[1]; b=FILES[n]; at=0
        if r:=s.headers.get("Range"): at=int(r[6:-1])
        count[n]=count.get(n,0)+1
        if flip[0] and "model" in n: b=b[:-1]+bytes([b[-1]^1])
        s.send_response(206 if at else 200); s.send_header("Content-Length",str(len(b)-at)); s.end_headers()
        body=b[at:]
        if cut[0] and "model" in n: cut[0]=False; s.wfile.write(body[:len(body)//2]); s.connection.close(); return
        s.wfile.write(body)
    def log_message(*a): pass
srv=http.server.ThreadingHTTPServer(("127.0.0.1",0),H); threading.Thread(target=srv.serve_forever,daemon=True).start()
P=pathlib.Path("stage_program.py").read_text(); root=tempfile.mkdtemp()
def run(mode,key="k",digest=""):
    e={**os.environ,"HF_ENDPOINT":f"http://127.0.0.1:{srv.server_port}","TERMINATION_LOG":"/dev/null","PAUSE":"0"}
    r=subprocess.run([sys.executable,"-c",P,mode,root,key,"acme/llama","r1",digest],capture_output=True,text=True,env=e); return r.returncode,r.stdout.strip()[-150:],r.stderr[-300:]
print("verify before",run("verify")); print("stage",run("stage"),count)
before=dict(count); ps=[run("verify") for _ in range(8)]; print("8 replicas",set(ps),"new requests",sum(count.values())-sum(before.values()))
f=pathlib.Path(root,"k","model-1.safetensors"); b=bytearray(f.read_bytes()); b[5]^=1; f.write_bytes(b); print("flipped on disk",run("verify"))
flip[0]=True; print("flipped on the way",run("stage","k2"))
