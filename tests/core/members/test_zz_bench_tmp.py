import time, collections, pytest
from core import members, db
@pytest.mark.engines("postgresql")
def test_bench(tenant, runtime, request):
    ctx = tenant.imported()
    D=db.database.obj; send=D.execute_sql; times=collections.Counter(); n=collections.Counter()
    def rec(sql,*a,**k):
        t=time.perf_counter(); r=send(sql,*a,**k); key=sql[:60]; times[key]+=time.perf_counter()-t; n[key]+=1; return r
    D.execute_sql=rec
    for rnd in range(4):
        times.clear(); n.clear()
        rows=[members.NewMember("saas", f"{rnd}-{n_}") for n_ in range(5000)]
        t=time.perf_counter(); c=time.process_time()
        ctx.run(lambda: members.register_many(ctx, rows))
        d=time.perf_counter()-t
        print(round(5000/d), "/s cpu", round(time.process_time()-c,3), "of", round(d,3))
        for k,v in times.most_common(5): print("   ",round(v,3),n[k],k)
    with ctx.transaction():
        for sql,p in ((members.bulk._statement("known",1000).postgres,(ctx.tenant.id,"saas",*[f"9-{i}" for i in range(1000)])),):
            for r in send("explain analyze "+sql,p).fetchall()[:40]: print(r[0][:150])
