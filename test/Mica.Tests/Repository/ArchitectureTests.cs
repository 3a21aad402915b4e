using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Mica.Tests.Repository;

/// <summary>The table of projects in <c>ARCHITECTURE.md</c> is what the project files say.</summary>
public sealed class ArchitectureTests
{
    internal static readonly string Root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../.."));

    [Fact]
    public void References_OfEveryProject_AreThoseOfTheTable()
    {
        SortedDictionary<string, string> expected = new(StringComparer.Ordinal);
        foreach (string row in File.ReadLines(Path.Combine(Root, "ARCHITECTURE.md")).Where(line => line.StartsWith("| `Mica.", StringComparison.Ordinal)))
        {
            string[] cells = row.Split('|');
            expected.Add(cells[1].Trim().Trim('`'), Joined(cells[3].Split(',', StringSplitOptions.TrimEntries).Where(name => name != "–").Select(name => "Mica." + name)));
        }

        SortedDictionary<string, string> actual = new(StringComparer.Ordinal);
        foreach (string file in Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories))
        {
            actual.Add(Path.GetFileNameWithoutExtension(file), Joined(XDocument.Load(file).Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value))));
        }

        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Packages_OfTheRepository_HaveTheirReason()
    {
        string reasons = File.ReadAllText(Path.Combine(Root, "docs/decisions/0002-dependencies.md"));

        IEnumerable<string> packages = XDocument.Load(Path.Combine(Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .Select(package => package.Attribute("Include")!.Value);

        Assert.All(packages, package => Assert.Contains(
            package.StartsWith("SQLitePCLRaw.", StringComparison.Ordinal) ? "SQLitePCLRaw" : package, reasons, StringComparison.Ordinal));
    }

    private static string Joined(IEnumerable<string> names) => string.Join(", ", names.Order(StringComparer.Ordinal));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
