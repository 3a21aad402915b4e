namespace Mica.SystemTests.Building;

/// <summary>Contexts that lead astray, are not there, or change meanwhile.</summary>
public sealed class BadContextTests(Workbench bench)
{
    private const string Outside = "what lies outside";

    [Theory]
    [InlineData("COPY ../outside/file /x", "\"/outside/file\": not found in the build context")]
    [InlineData("COPY sub/../../outside/file /x", "\"/outside/file\": not found in the build context")]
    [InlineData("ADD ../../../../../../etc/passwd /x", "\"/etc/passwd\": not found in the build context")]
    [InlineData("COPY to-directory/file /x", "\"/to-directory/file\": not found in the build context")]
    [InlineData("COPY sub/to-file /x", "\"/sub/to-file\": not found in the build context")]
    [InlineData("COPY absolute /x", "\"/absolute\": not found in the build context")]
    [InlineData("COPY around/file /x", "around/file: too many levels of symbolic links")]
    [InlineData("COPY missing /x", "\"/missing\": not found in the build context")]
    [InlineData("RUN --mount=type=bind,source=to-directory,target=/m cat /m/file", "\"/outside\": not found in the build context")]
    [InlineData("RUN --mount=type=bind,source=../outside,target=/m cat /m/file", "\"/outside\": not found in the build context")]
    public async Task Source_OutsideOfTheContext_IsNotFound(string instruction, string expected)
    {
        await using BuildBench build = await OpenAsync();

        Assert.Equal(expected, await build.FailAsync("FROM busybox\n" + instruction));
    }

    [Fact]
    public async Task Source_DirectoryWithLinksOutside_KeepsThemAsLinks()
    {
        await using BuildBench build = await OpenAsync();

        string[] tree = await build.TreeAsync("FROM scratch\nCOPY . /all\n");

        Assert.Contains("all/absolute -> /etc/passwd 0:0", tree);
        Assert.Contains("all/to-directory -> ../outside 0:0", tree);
        Assert.Contains("all/sub/to-file -> ../../outside/file 0:0", tree);
        Assert.DoesNotContain(tree, line => line.Contains(Outside, StringComparison.Ordinal));
    }

    /// <summary>What a step made is as hostile as a context: a COPY through its links stays inside the image.</summary>
    [Fact]
    public async Task Destination_LinkThatAStepMade_StaysInTheImage()
    {
        await using BuildBench build = await OpenAsync();
        string outside = Path.Combine(Path.GetDirectoryName(build.Context)!, "outside");

        string[] tree = await build.TreeAsync($"""
            FROM busybox
            RUN mkdir /a && ln -s / /a/up && ln -s ../../../../../../../../..{outside} /a/out && ln -s {outside} /a/absolute
            COPY own /a/up/landed
            COPY own /a/out/by-dots
            COPY own /a/absolute/by-name
            """);

        Assert.Contains("landed 644 0:0 \"own\\n\"", tree);
        Assert.Contains($"{outside[1..]}/by-dots 644 0:0 \"own\\n\"", tree);
        Assert.Contains($"{outside[1..]}/by-name 644 0:0 \"own\\n\"", tree);
        Assert.Equal(["file"], Directory.GetFileSystemEntries(outside).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Source_ChangesWhileItIsCopied_SaysSo()
    {
        await using BuildBench build = await OpenAsync();
        string file = build.File("large", "");
        await using FileStream stream = new(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        stream.SetLength(400 << 20);
        using CancellationTokenSource copied = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task changes = Task.Run(async () =>
        {
            for (byte one = 1; !copied.IsCancellationRequested; one++)
            {
                stream.Position = (400 << 20) - 1;
                stream.WriteByte(one);
                await stream.FlushAsync(CancellationToken.None);
                await Task.Delay(10, CancellationToken.None);
            }
        }, CancellationToken.None);

        string line = await build.FailAsync("FROM busybox\nCOPY large /\n");
        await copied.CancelAsync();
        await changes;

        Assert.Equal("/large: changed while it was read from the build context; run the build again", line);
        stream.SetLength(1);
        (await build.TryAsync("FROM busybox\nCOPY large /\n")).Succeeded();
    }

    [Theory]
    [InlineData("/nowhere/at/all", "unable to prepare context: path \"/nowhere/at/all\" not found")]
    [InlineData("/dev/null", null)]
    public async Task Context_NoDirectory_SaysSo(string path, string? expected)
    {
        await using BuildBench build = await OpenAsync();

        string line = await build.Mica.FailAsync(1, "build", path);

        Assert.Contains(expected ?? path, line, StringComparison.Ordinal);
    }

    private async Task<BuildBench> OpenAsync()
    {
        BuildBench build = await BuildBench.OpenAsync(bench);
        string outside = Path.Combine(Path.GetDirectoryName(build.Context)!, "outside");
        Directory.CreateDirectory(outside);
        await File.WriteAllTextAsync(Path.Combine(outside, "file"), Outside, TestContext.Current.CancellationToken);
        build.File("own", "own\n");
        Directory.CreateDirectory(Path.Combine(build.Context, "sub"));
        File.CreateSymbolicLink(Path.Combine(build.Context, "absolute"), "/etc/passwd");
        File.CreateSymbolicLink(Path.Combine(build.Context, "to-directory"), "../outside");
        File.CreateSymbolicLink(Path.Combine(build.Context, "sub/to-file"), "../../outside/file");
        File.CreateSymbolicLink(Path.Combine(build.Context, "around"), "around");
        return build;
    }
}
