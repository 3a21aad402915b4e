namespace Mica.SystemTests.Building;

/// <summary>The same inputs give the same image, whoever builds them, where and when.</summary>
public sealed class ReproductionTests(Workbench bench)
{
    private const string Dockerfile = """
        FROM busybox AS made
        WORKDIR /made
        COPY src src
        RUN cat src/* >all && mkdir sub && ln -s ../all sub/link && ln all hard && chmod 2750 sub
        FROM busybox
        ENV KEY=value
        COPY --from=made --chown=12:34 /made /made
        RUN echo "$KEY" >>/made/all; rm /bin/vi; adduser() { echo "$1:x:12:34::/:/bin/sh" >>/etc/passwd; }; adduser made
        """;

    private static readonly string[] s_epoch = ["-q", "--build-arg", "SOURCE_DATE_EPOCH=1700000000"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Build_OnAnotherRoot_SameDigest(bool byOrdinaryUser)
    {
        await using BuildBench first = await BuildBench.OpenAsync(bench);
        await using BuildBench second = await BuildBench.OpenAsync(
            bench, byOrdinaryUser ? await OrdinaryUser.NewRootAsync(bench, withSubordinateIds: true) : null);
        await CheckOutAsync(first, "022");
        await CheckOutAsync(second, "022");

        Assert.Equal(await IdAsync(first), await IdAsync(second));
        Assert.Equal(await DigestAsync(first), await DigestAsync(second));
    }

    [Fact]
    public async Task Build_OtherUmask_SameDigestWithPortableModesOnly()
    {
        await using BuildBench first = await BuildBench.OpenAsync(bench), second = await BuildBench.OpenAsync(bench);
        await CheckOutAsync(first, "022");
        await CheckOutAsync(second, "077");

        Assert.NotEqual(await IdAsync(first), await IdAsync(second));
        Assert.Equal(await IdAsync(first, "--portable-modes"), await IdAsync(second, "--portable-modes"));
        Assert.Equal(await DigestAsync(first), await DigestAsync(second));
    }

    /// <summary>Files with a time of their own, a program among them, as git checks them out.</summary>
    private static async Task CheckOutAsync(BuildBench build, string umask) => await Shell.ScriptAsync(
        """
        cd "$1"; umask "$2"; mkdir src
        echo one >src/one; echo two >src/two; echo '#!/bin/sh' >src/three; chmod +x src/three
        touch -d "-$RANDOM minutes" src/*
        [ "$2" = 077 ] || chmod 755 "${1%/*}" "$1"
        """, build.Context, umask);

    private static async Task<string> IdAsync(BuildBench build, params string[] flags) =>
        (await build.TryAsync(Dockerfile, [.. s_epoch, "-t", "same", .. flags])).Succeeded().Output.Trim();

    /// <summary>Of the manifest that a registry would get.</summary>
    private static async Task<string> DigestAsync(BuildBench build)
    {
        string layout = Path.Combine(build.Mica.Home, "layout");
        await build.Mica.RunAsync("copy", "-q", "mica:same", $"oci:{layout}:same");
        return (await Shell.ScriptAsync("jq -r '.manifests[0].digest' \"$1/index.json\"", layout)).Trim();
    }
}
