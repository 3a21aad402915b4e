using System.Text;
using Mica.Dockerfile;
using Mica.Tests.Repository;

namespace Mica.Tests.Dockerfile;

/// <summary>
/// Each directory of <c>testdata/dockerfile</c> has a <c>Dockerfile</c> and what is understood of it, <c>document.txt</c>. A new case
/// is a new directory; <c>MICA_ACCEPT=1</c> writes the other file, to be read before it is committed.
/// </summary>
public sealed class GoldenTests
{
    private static readonly string s_root = Path.Combine(ArchitectureTests.Root, "test/testdata/dockerfile");

    public static TheoryData<string> Cases => [.. Directory.GetDirectories(s_root).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Document_OfEveryCase_IsTheGolden(string name)
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        string golden = Path.Combine(s_root, name, "document.txt");
        byte[] content = await File.ReadAllBytesAsync(Path.Combine(s_root, name, "Dockerfile"), cancellationToken);

        string actual = DocumentDump.Of(DockerfileDocument.Parse(content));
        if (Environment.GetEnvironmentVariable("MICA_ACCEPT") == "1")
        {
            await File.WriteAllTextAsync(golden, actual, cancellationToken);
        }

        Assert.Equal(await File.ReadAllTextAsync(golden, cancellationToken), actual);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Document_OfEveryCaseWithOtherLineEnds_SaysTheSame(string name)
    {
        string text = await File.ReadAllTextAsync(Path.Combine(s_root, name, "Dockerfile"), TestContext.Current.CancellationToken);
        string plain = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        byte[] other = [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(plain.Replace("\n", "\r\n", StringComparison.Ordinal))];

        Assert.Equal(DocumentDump.Of(DockerfileDocument.Parse(plain)), DocumentDump.Of(DockerfileDocument.Parse(other)));
    }
}
