using System.Text;
using Mica.Linux;
using Mica.Runtime;
using Mica.Tests.Linux;

namespace Mica.Tests.Runtime;

/// <summary>A root of busybox alone, a store of its own for states, and an upper directory for one container.</summary>
internal sealed class RuntimeFixture : IDisposable
{
    private static readonly string[] s_busybox = ["/usr/bin/busybox", "/bin/busybox"];
    private readonly ScratchDirectory _scratch = new();
    private int _next;

    public RuntimeFixture()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "needs root, to mount");
        Assert.SkipUnless(new RuntimeOptions("/", "/").FindProgram("crun") is not null, "needs crun (apt-get install crun)");
        string? busybox = s_busybox.FirstOrDefault(File.Exists);
        Assert.SkipUnless(busybox is not null, "needs a static busybox (apt-get install busybox-static)");
        Options = new RuntimeOptions(_scratch.Combine("state"), _scratch.Combine("scratch")) { NetworkDirectory = _scratch.Combine("network") };
        Layer = _scratch.Combine("layer");
        Directory.CreateDirectory(Path.Combine(Layer, "bin"));
        File.Copy(busybox!, Path.Combine(Layer, "bin/busybox"));
        foreach (string tool in (ReadOnlySpan<string>)["sh", "cat", "id", "env", "pwd", "ls", "ip", "mount", "rm", "sleep", "stat", "df", "grep", "hostname", "sync", "chmod", "mkdir", "touch", "ps", "ulimit", "tail", "dd", "kill", "true", "unshare", "nc"])
        {
            File.CreateSymbolicLink(Path.Combine(Layer, "bin", tool), "busybox");
        }

        Write(Layer, "etc/passwd", "root:x:0:0::/:/bin/sh\n");
        Write(Layer, "data/old", "old");
    }

    public RuntimeOptions Options { get; set; }

    public string Layer { get; }

    public string Upper { get; private set; } = "";

    public ContainerSpec Spec(params string[] command)
    {
        string own = _scratch.Combine($"c{++_next}");
        Upper = Directory.CreateDirectory(Path.Combine(own, "upper")).FullName;
        Directory.CreateDirectory(Path.Combine(own, "work"));
        return new ContainerSpec
        {
            Id = $"t{Environment.ProcessId}-{Path.GetFileName(_scratch.Path)}-{_next}",
            Root = new RootFileSystem([Layer], Upper, Path.Combine(own, "work")),
            Command = [.. command],
            Environment = ["PATH=/bin"],
            Network = NetworkMode.Host,
        };
    }

    public ContainerSpec Shell(string script) => Spec("/bin/sh", "-c", script);

    public async Task<(ContainerExit Exit, string Output, string Error)> RunAsync(ContainerSpec spec)
    {
        StringBuilder output = new(), error = new();
        using ContainerRunner runner = new(Options);
        ContainerExit exit = await runner.RunAsync(
            spec, (isError, bytes) => (isError ? error : output).Append(Encoding.UTF8.GetString(bytes)), TestContext.Current.CancellationToken);
        return (exit, output.ToString(), error.ToString());
    }

    /// <summary>Everything in the upper directory, a line each.</summary>
    public string Changes()
    {
        IEnumerable<string> names = Directory.EnumerateFileSystemEntries(Upper, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Select(path => Path.GetRelativePath(Upper, path)).Order(StringComparer.Ordinal);
        return string.Join('\n', names);
    }

    public string MakeDirectory(string name) => Directory.CreateDirectory(_scratch.Combine(name)).FullName;

    public static void Write(string directory, string name, string content)
    {
        string path = Path.Combine(directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }

    

    /// <summary>Nothing of any container may be in this process's mounts, in the state directory, or running.</summary>
    public void AssertNothingLeft()
    {
        Assert.DoesNotContain(_scratch.Path, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.Empty(Directory.Exists(Options.StateDirectory) ? Directory.GetDirectories(Options.StateDirectory) : []);
        Assert.Empty(Directory.Exists(Options.ScratchDirectory) ? Directory.GetDirectories(Options.ScratchDirectory) : []);
    }

    public void Dispose() => _scratch.Dispose();
}
