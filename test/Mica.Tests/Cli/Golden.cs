namespace Mica.Tests.Cli;

/// <summary>Files under <c>test/testdata/cli</c> that hold what the commands print. <c>MICA_ACCEPT=1</c> rewrites them.</summary>
internal static class Golden
{
    private static readonly Lazy<string> s_directory = new(FindDirectory);

    public static bool Accepts { get; } = Environment.GetEnvironmentVariable("MICA_ACCEPT") == "1";

    public static string PathOf(string name) => Path.Combine(s_directory.Value, name);

    public static string Read(string name) => File.ReadAllText(PathOf(name));

    /// <summary>Compares <paramref name="actual"/> with the file, or makes it the file's content.</summary>
    public static void Verify(string name, string actual)
    {
        string path = PathOf(name);
        if (Accepts)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"there is no golden {path}; MICA_ACCEPT=1 writes it");
        Assert.Equal(File.ReadAllText(path), actual);
    }

    private static string FindDirectory()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Mica.slnx")))
        {
            directory = directory.Parent;
        }

        Assert.NotNull(directory);
        return Path.Combine(directory.FullName, "test", "testdata", "cli");
    }
}
