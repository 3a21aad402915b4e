namespace Mica.Registry;

/// <summary>One place to download a blob from: a repository's endpoint, or an address in the descriptor of a foreign layer.</summary>
/// <param name="endpoint">Sends and retries.</param>
/// <param name="request">The GET without a range.</param>
internal sealed class BlobOrigin(RepositoryEndpoint endpoint, RegistryRequest request)
{
    public RepositoryEndpoint Endpoint => endpoint;

    public RegistryRequest Request => request;

    public RegistryHost Host => endpoint.Host;

    /// <summary>Where the last redirect led; asked directly for the next part, until it says no.</summary>
    public Uri? Redirected { get; set; }
}
