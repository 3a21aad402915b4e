namespace Mica.SystemTests.Containers;

/// <summary>Programs that people run in containers, as Debian packages them.</summary>
public sealed class SoftwareTests(Workbench bench)
{
    private const string Install = "RUN --mount=type=bind,from=debs,target=/debs dpkg -i /debs/*.deb >/dev/null 2>&1";

    [Fact]
    public async Task Lighttpd_OnAPublishedPort_ServesAVolumeReadOnly()
    {
        await using ContainerBench one = await ContainerBench.OpenWithNetworkAsync(bench);
        await BuildAsync(one, "lighttpd", $"""
            FROM debian
            {Install}
            RUN printf 'server.document-root="/srv"\nserver.port=80\nserver.username="www-data"\nindex-file.names=("index.html")\n' >/etc/lighttpd/lighttpd.conf
            EXPOSE 80
            HEALTHCHECK --interval=1s --start-period=30s --start-interval=200ms CMD bash -c 'exec 3<>/dev/tcp/127.0.0.1/80'
            STOPSIGNAL SIGINT
            CMD ["lighttpd", "-D", "-f", "/etc/lighttpd/lighttpd.conf"]
            """, "lighttpd");
        await one.RunAsync("volume", "create", "site");
        await one.RunAsync("run", "--rm", "--network", "none", "-v", "site:/srv", "busybox", "sh", "-c", "echo from a volume >/srv/index.html");

        await one.RunAsync("run", "-d", "--name", "web", "--read-only", "--tmpfs", "/run", "--tmpfs", "/var/cache", "-v", "site:/srv:ro", "-p", "18080:80", "lighttpd");
        await one.AwaitAsync("web", "{{.State.Health.Status}}", "healthy");

        Assert.Equal("from a volume\n", (await Shell.RunAsync([.. one.Mica.Launcher, .. ContainerBench.Fetch("127.0.0.1", 18080)])).Succeeded().Output);
        Assert.Contains("(healthy)", await one.RunAsync("ps"), StringComparison.Ordinal);
        Assert.Contains("lighttpd", await one.RunAsync("top", "web"), StringComparison.Ordinal);
        await one.RunAsync("stop", "web");
        Assert.Equal("0", await one.ValueAsync("web", "{{.State.ExitCode}}"));
    }

    [Fact]
    public async Task PostgreSql_WithAVolume_KeepsItsDataWhenTheContainerGoes()
    {
        await using ContainerBench one = await ContainerBench.OpenWithNetworkAsync(bench);
        await BuildAsync(one, "postgresql", $"""
            FROM debian
            {Install}
            USER postgres
            ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data LC_ALL=C.UTF-8
            RUN mkdir -p $PGDATA && chmod 700 $PGDATA
            VOLUME /var/lib/postgresql/data
            COPY --chmod=755 <<"EOT" /usr/local/bin/serve
            #!/bin/sh
            [ -s $PGDATA/PG_VERSION ] || initdb -A trust >/dev/null && echo "host all all all trust" >>$PGDATA/pg_hba.conf
            exec postgres -c listen_addresses='*'
            EOT
            STOPSIGNAL SIGINT
            CMD ["serve"]
            """, "postgresql-15");
        await one.RunAsync("network", "create", "data");
        string[] server = ["run", "-d", "--name", "db", "--network", "data", "--shm-size", "128m", "-v", "rows:/var/lib/postgresql/data", "postgresql"];
        await one.RunAsync(server);
        await PsqlAsync(one, "create table t(x int); insert into t select generate_series(1, 1000)");

        await one.RunAsync("stop", "db");
        Assert.Equal("0", await one.ValueAsync("db", "{{.State.ExitCode}}"));
        await one.RunAsync("rm", "-v", "db");
        await one.RunAsync(server);

        Assert.Equal("500500", (await PsqlAsync(one, "select sum(x) from t")).Trim());
        await one.RunAsync("rm", "-f", "-v", "db");
        Assert.Contains("rows", await one.RunAsync("volume", "ls", "-q"), StringComparison.Ordinal);
        await one.RunAsync("volume", "rm", "rows");
    }

    /// <summary>By another container, which finds the server by its name; it waits until the server answers.</summary>
    private static Task<string> PsqlAsync(ContainerBench one, string query) => one.RunAsync(
        "run", "--rm", "--network", "data", "postgresql", "sh", "-c",
        "for i in $(seq 300); do pg_isready -qh db && break; sleep 0.1; done; psql -h db -tAc \"$1\" postgres postgres", "psql", query);

    private async Task BuildAsync(ContainerBench one, string name, string dockerfile, params string[] packages)
    {
        string context = bench.NewDirectory("context");
        await File.WriteAllTextAsync(Path.Combine(context, "Dockerfile"), dockerfile + "\n", TestContext.Current.CancellationToken);
        string debs = (await Shell.ScriptAsync("\"$@\"", [bench.Fixture("debs.sh"), name, .. packages])).Trim();
        await one.RunAsync("build", "-q", "--network", "none", "--build-context", "debs=" + debs, "-t", name, context);
    }
}
