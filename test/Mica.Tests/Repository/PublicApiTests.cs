using System.Reflection;

namespace Mica.Tests.Repository;

/// <summary>
/// The public API of every project is what <c>test/testdata/api</c> says. After a change that is meant, run the tests once with
/// <c>MICA_ACCEPT=1</c> and read the difference.
/// </summary>
public sealed class PublicApiTests
{
    [Theory]
    [InlineData("Mica.Oci")]
    [InlineData("Mica.Linux")]
    [InlineData("Mica.Layers")]
    [InlineData("Mica.Registry")]
    [InlineData("Mica.Store")]
    [InlineData("Mica.Dockerfile")]
    [InlineData("Mica.Runtime")]
    [InlineData("Mica.Engine")]
    [InlineData("Mica.RegistryServer")]
    public void PublicApi_OfEveryProject_IsTheGolden(string project)
    {
        string golden = Path.Combine(ArchitectureTests.Root, "test/testdata/api", project + ".txt");
        string actual = PublicApi.Of(Assembly.Load(project));
        if (Environment.GetEnvironmentVariable("MICA_ACCEPT") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(golden)!);
            File.WriteAllText(golden, actual);
        }

        Assert.Equal(File.ReadAllText(golden), actual);
    }
}
