using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;

namespace Mica.Tests.RegistryServer.Storage;

public sealed class SqliteDatabaseTests : MetadataContract
{
    private readonly string _directory = Directory.CreateTempSubdirectory("mica-sqlite-").FullName;

    private protected override async Task<MetadataDatabase> OpenAsync() =>
        await SqliteDatabase.OpenAsync(Path.Combine(_directory, "metadata.db"), Token);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}

public sealed class FileBlobStorageTests : BlobStorageContract, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("mica-blobs-").FullName;
    private readonly FileBlobStorage _storage;

    public FileBlobStorageTests() => _storage = new FileBlobStorage(_directory);

    private protected override IBlobStorage Storage => _storage;

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
