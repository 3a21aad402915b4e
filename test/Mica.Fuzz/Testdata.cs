using System.Runtime.CompilerServices;
using System.Text;

namespace Mica.Fuzz;

/// <summary>Files of <c>test/testdata</c>, which seeds are made of.</summary>
internal static class Testdata
{
    private static readonly string s_root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../testdata"));

    public static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(s_root, name));

    /// <summary>The files of a directory, in the order of their names.</summary>
    public static IReadOnlyList<byte[]> ReadAll(string directory, string pattern) =>
        [.. Directory.GetFiles(Path.Combine(s_root, directory), pattern).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    /// <summary>The files of that name in and below a directory, in the order of their paths.</summary>
    public static IReadOnlyList<byte[]> ReadTree(string directory, string name) =>
        [.. Directory.GetFiles(Path.Combine(s_root, directory), name, SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static IReadOnlyList<byte[]> Bytes(params ReadOnlySpan<string> texts) => [.. texts.ToArray().Select(Bytes)];

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
