using System.Collections.Immutable;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Mica.Build;
using Mica.Engine;
using Mica.Oci;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Builds;

public sealed class BuildContextTests
{
    private const string CopyAll = "FROM scratch\nCOPY . /\n";

    [Theory]
    [InlineData("https://github.com/o/r.git", "https://github.com/o/r.git", null, null)]
    [InlineData("https://github.com/o/r.git#v1:sub/dir", "https://github.com/o/r.git", "v1", "sub/dir")]
    [InlineData("https://h/r.git#:sub", "https://h/r.git", null, "sub")]
    [InlineData("https://h/r.git?ref=v1&subdir=a%20b", "https://h/r.git", "v1", "a b")]
    [InlineData("git@github.com:o/r.git#main", "git@github.com:o/r.git", "main", null)]
    [InlineData("github.com/o/r", "https://github.com/o/r", null, null)]
    [InlineData("git://h/r", "git://h/r", null, null)]
    [InlineData("ssh://git@h/r", "ssh://git@h/r", null, null)]
    public void GitAddress_EveryForm_IsUnderstood(string text, string repository, string? reference, string? directory)
    {
        Assert.True(GitAddress.TryParse(text, out GitAddress? address));
        Assert.Equal((repository, reference, directory), (address.Repository, address.Reference, address.Directory));
    }

    [Theory]
    [InlineData(".")]
    [InlineData("dir/context")]
    [InlineData("https://h/context.tar.gz")]
    [InlineData("https://h/r.git?other=1")]
    [InlineData("a/b@c:d")]
    [InlineData("-o@h:p")]
    public void GitAddress_OfSomethingElse_IsNone(string text)
    {
        Assert.False(GitAddress.TryParse(text, out _));
    }

    [Fact]
    public async Task Build_OfADirectory_TellsWhatItReadsAsBuildKitDoes()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", "FROM scratch\nCOPY . /\n");
        scratch.File(".dockerignore", "Dockerfile\n");
        scratch.File("a", "");
        BuiltImage built = await scratch.BuildAsync(new ImageBuildOptions { Context = new DirectoryBuildContext(scratch.Context) });
        Assert.Equal(
            ["[internal] load build definition from Dockerfile", "[internal] load .dockerignore", "[2/2] COPY . /", "exporting to image"],
            scratch.Events.OfType<StepStarted>().Select(started => started.Name));
        Assert.NotNull(built.Root);
    }

    [Fact]
    public void GitAddress_WithPassword_DoesNotShowIt()
    {
        Assert.True(GitAddress.TryParse("https://user:secret@h/r.git#v1", out GitAddress? address));
        Assert.Equal("https://h/r.git#v1", address.ToString());
    }

    [Fact]
    public async Task Directory_WithIgnoreFileOfTheDockerfile_LeavesOutWhatThatSays()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", CopyAll);
        scratch.File("Dockerfile.dockerignore", "Dockerfile*\n.dockerignore\nb");
        scratch.File(".dockerignore", "a");
        scratch.File("a", "1");
        scratch.File("b", "2");

        Assert.Equal(["a 1"], await scratch.FilesAsync(new() { Context = new DirectoryBuildContext(scratch.Context) }));
    }

    [Fact]
    public async Task Stream_Dockerfile_IsABuildWithoutFiles()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        using var input = new MemoryStream(Encoding.UTF8.GetBytes("FROM scratch\nCOPY <<EOF /a\nhello\nEOF\n"));

        Assert.Equal(["a hello\n"], await scratch.FilesAsync(new() { Context = new StreamBuildContext(input) }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stream_Tar_IsTheContext(bool compressed)
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        byte[] archive = Of(File("sub/Build", CopyAll), File(".dockerignore", "sub\n.dockerignore"), File("a", "1"));
        using var input = new MemoryStream(compressed ? Gzip(archive) : archive);

        Assert.Equal(["a 1"], await scratch.FilesAsync(new() { Context = new StreamBuildContext(input), DockerfilePath = "sub/Build" }));
    }

    [Theory]
    [InlineData("xz")]
    [InlineData("bzip2")]
    public async Task Stream_TarOfAnotherCompression_IsTheContext(string program)
    {
        Assert.SkipUnless(System.IO.File.Exists($"/usr/bin/{program}") || System.IO.File.Exists($"/bin/{program}"), $"needs {program}");
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", "FROM scratch\nCOPY a /\n");
        scratch.File("a", "content");
        string archive = Path.Join(scratch.Root, "context.tar");
        using (var tar = System.Diagnostics.Process.Start("tar", ["-cf", archive, "--use-compress-program", program, "-C", scratch.Context, "."]))
        {
            await tar.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await using FileStream content = System.IO.File.OpenRead(archive);
        Assert.Equal(["a content"], await scratch.FilesAsync(new ImageBuildOptions { Context = new StreamBuildContext(content) }));
    }

    [Fact]
    public async Task Stream_TarWhoseDockerfileLeadsOut_IsRefused()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        using var input = new MemoryStream(Of(Symlink("Dockerfile", "/etc/passwd")));

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => scratch.BuildAsync(new() { Context = new StreamBuildContext(input) }));

        Assert.Contains("must be within the build context", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Git_Reference_IsFetchedAndItsDirectoryIsTheContext()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        string repository = Path.Join(scratch.Root, "repository");
        Directory.CreateDirectory(Path.Join(repository, "sub"));
        await System.IO.File.WriteAllTextAsync(Path.Join(repository, "sub/Dockerfile"), CopyAll, TestContext.Current.CancellationToken);
        await System.IO.File.WriteAllTextAsync(Path.Join(repository, "sub/a"), "from git", TestContext.Current.CancellationToken);
        Git(repository, "init", "-q", "-b", "main", ".");
        Git(repository, "add", ".");
        Git(repository, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "one");
        Git(repository, "tag", "v1");
        Git(repository, "rm", "-q", "sub/a");
        Git(repository, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "two");
        string directory = Directory.CreateDirectory(Path.Join(scratch.Root, "clone")).FullName;

        string context = await new GitClone(new GitAddress(repository, "v1", "sub"), directory).RunAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["Dockerfile", "a"], Directory.EnumerateFiles(context).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Git_RepositoryThatIsNotThere_IsToldInOneLine()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        string directory = Directory.CreateDirectory(Path.Join(scratch.Root, "clone")).FullName;
        var clone = new GitClone(new GitAddress(Path.Join(scratch.Root, "nothing"), "v1", null), directory);

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => clone.RunAsync(TestContext.Current.CancellationToken));

        Assert.Equal(ErrorKind.Unavailable, failure.Kind);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task Named_Directory_IsWhereCopyFromLooks()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        string other = Directory.CreateDirectory(Path.Join(scratch.Root, "other")).FullName;
        await System.IO.File.WriteAllTextAsync(Path.Join(other, "x"), "y", TestContext.Current.CancellationToken);
        scratch.File("Dockerfile", "FROM scratch\nCOPY --from=more x /\n");

        string[] files = await scratch.FilesAsync(new()
        {
            Context = new DirectoryBuildContext(scratch.Context),
            Contexts = new Dictionary<string, NamedBuildContext> { ["more"] = NamedBuildContext.Parse("other", scratch.Root) }.ToImmutableDictionary(),
        });

        Assert.Equal(["x y"], files);
    }

    [Fact]
    public void Named_OfUnknownKind_IsRefused() =>
        Assert.Equal(ErrorKind.Unsupported, Assert.Throws<MicaException>(() => NamedBuildContext.Parse("target:x", "/")).Kind);

    [Theory]
    [InlineData("oci-layout://x", "/w/x", "latest")]
    [InlineData("oci-layout:///a/b:1.2", "/a/b", "1.2")]
    [InlineData("oci-layout:///a:b/c", "/a:b/c", "latest")]
    [InlineData("oci-layout://../c:t@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "/c", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void Named_Layout_HasDirectoryAndReference(string text, string directory, string reference) =>
        Assert.Equal(new LayoutBuildContext(directory, reference), NamedBuildContext.Parse(text, "/w"));

    [Theory]
    [InlineData("oci-layout://")]
    [InlineData("oci-layout://x@latest")]
    public void Named_MalformedLayout_IsRefused(string text) =>
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<MicaException>(() => NamedBuildContext.Parse(text, "/")).Kind);

    private static byte[] Gzip(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var stream = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            stream.Write(content);
        }

        return compressed.ToArray();
    }

    private static void Git(string directory, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("git", ["-C", directory, .. arguments]))!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
