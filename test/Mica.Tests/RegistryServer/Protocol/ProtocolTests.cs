namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>What the classes of this folder share: a registry, and one class for each section of OCI distribution-spec v1.1.</summary>
public abstract class ProtocolTests : IAsyncLifetime
{
    protected const string Repository = "team/app";

    protected RegistryServerFixture Registry { get; private set; } = null!;

    protected static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Registry = await RegistryServerFixture.StartAsync();

    public async ValueTask DisposeAsync()
    {
        // Whatever a test sends, nothing of it may be a bug of the server.
        Assert.DoesNotContain(Registry.Log.Lines, line => line.Contains("Exception", StringComparison.Ordinal));
        await Registry.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
