using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// A file of nothing but room. SQLite needs some to open a catalog at all; on a full disk no command could remove anything, were
/// it not for this, which is thrown away then and made again when there is room.
/// </summary>
internal static class Ballast
{
    private const long Size = 1 << 20;
    private const long LeastFree = 16 << 20;

    /// <summary>Opens the catalog, with the room of the ballast if there is no other.</summary>
    public static Catalog? Open(StoreLayout layout, StoreOptions options)
    {
        try
        {
            return Catalog.TryOpen(layout.Catalog, options);
        }
        catch (MicaException failure) when (failure.Message.EndsWith(Database.NoSpace, StringComparison.Ordinal) && File.Exists(layout.Ballast))
        {
            File.Delete(layout.Ballast);
            return Catalog.TryOpen(layout.Catalog, options);
        }
    }

    /// <summary>Makes it when it is missing and there is room; a store that cannot be written to has none.</summary>
    public static void Ensure(StoreLayout layout)
    {
        if (File.Exists(layout.Ballast))
        {
            return;
        }

        try
        {
            if (LinuxFileSystem.GetSpace(layout.Root).AvailableBytes > LeastFree)
            {
                new FileStream(layout.Ballast, new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    PreallocationSize = Size,
                    BufferSize = 0,
                }).Dispose();
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or LinuxException)
        {
            // Another process makes it, or nobody may.
        }
    }
}
