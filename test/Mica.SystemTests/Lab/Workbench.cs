using System.Reflection;

[assembly: AssemblyFixture(typeof(Mica.SystemTests.Lab.Workbench))]

namespace Mica.SystemTests.Lab;

/// <summary>
/// What all system tests stand on, made once per run: the native binary, the fixture images, a registry of this run that
/// holds them, and one directory under which everything temporary lies.
/// </summary>
public sealed class Workbench : IAsyncLifetime
{
    /// <summary>The repository's root directory.</summary>
    public string Repository { get; } = typeof(Workbench).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == "Repository").Value!;

    /// <summary>The published binary: <c>MICA_BINARY</c>, or <c>out/mica</c>.</summary>
    public string Binary => Environment.GetEnvironmentVariable("MICA_BINARY") ?? Path.Combine(Repository, "out", "mica");

    /// <summary>A directory of this run, on a real file system.</summary>
    public string Scratch { get; } = Directory.CreateTempSubdirectory("mica-system-tests-").FullName;

    public FixtureImages Images { get; private set; } = null!;

    /// <summary>The registry that holds every fixture image. Tests that push use repositories of their own names.</summary>
    public LoopbackRegistry Registry { get; private set; } = null!;

    public static bool IsRoot => Environment.UserName == "root";

    /// <summary>The reason to skip what only root may do.</summary>
    public const string NeedsRoot = "needs root: owners, devices and mounts";

    public async ValueTask InitializeAsync()
    {
        Assert.True(File.Exists(Binary), $"{Binary} is missing: make build");
        await Shell.ScriptAsync("\"$1\" >&2", Fixture("make-images.sh"));
        Images = new FixtureImages((await Shell.ScriptAsync(
            "echo \"${MICA_FIXTURES:-${XDG_CACHE_HOME:-${HOME:-/var}/.cache}/mica-fixtures}\"")).Trim());
        Registry = await StartRegistryAsync("shared");
        await Registry.PushAsync(Images);
    }

    /// <summary>Starts one more registry, empty. The caller disposes it.</summary>
    public async Task<LoopbackRegistry> StartRegistryAsync(string name, bool withPassword = false)
    {
        LoopbackRegistry registry = new(this, NewDirectory("registry-" + name));
        await registry.StartAsync(withPassword);
        return registry;
    }

    /// <summary>A store of its own, with a home directory of its own.</summary>
    public MicaRoot NewRoot()
    {
        string directory = NewDirectory("root");
        return new MicaRoot(this, directory, Path.Combine(directory, "store"));
    }

    /// <summary>As <see cref="NewRoot()"/>, with the store somewhere else.</summary>
    public MicaRoot NewRoot(string store) => new(this, NewDirectory("root"), store);

    public string NewDirectory(string name)
    {
        string path = Path.Combine(Scratch, $"{name}-{Path.GetRandomFileName()}");
        Directory.CreateDirectory(path);
        return path;
    }

    public string Fixture(string script) => Path.Combine(Repository, "test", "fixtures", script);

    public async ValueTask DisposeAsync()
    {
        if (Registry is not null)
        {
            await Registry.DisposeAsync();
        }

        Directory.Delete(Scratch, recursive: true);
    }
}
