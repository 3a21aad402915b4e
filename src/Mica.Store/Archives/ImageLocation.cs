using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Where an image is or shall be, as a user writes it for <c>copy</c>: <c>transport:details</c>. The syntax and the meaning
/// of the shared transports are those of containers-transports(5); <c>mica:</c> is the local store.
/// </summary>
public abstract record ImageLocation
{
    private protected ImageLocation()
    {
    }

    /// <summary>
    /// Parses <paramref name="text"/>. The path of <c>oci:</c>, <c>oci-archive:</c> and <c>docker-archive:</c> ends at the first
    /// colon, so it cannot hold one; the path of <c>dir:</c> is all of the rest.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: unknown transport, no path, or a malformed name.</exception>
    public static ImageLocation Parse(string text) => ImageLocationGrammar.Parse(text);
}

/// <summary><c>docker://REF</c>: a repository of a registry.</summary>
public sealed record RegistryLocation(ImageReference Reference) : ImageLocation
{
    /// <inheritdoc/>
    public override string ToString() => $"docker://{Reference.Familiar}";
}

/// <summary><c>oci:DIR[:NAME]</c>: a directory that is an OCI image layout. Without a name: the only image in it.</summary>
public sealed record OciLayoutLocation(string Path, string? Name) : ImageLocation
{
    /// <inheritdoc/>
    public override string ToString() => Name is null ? $"oci:{Path}" : $"oci:{Path}:{Name}";
}

/// <summary><c>oci-archive:FILE[:NAME]</c>: a tar of an OCI image layout.</summary>
public sealed record OciArchiveLocation(string Path, string? Name) : ImageLocation
{
    /// <inheritdoc/>
    public override string ToString() => Name is null ? $"oci-archive:{Path}" : $"oci-archive:{Path}:{Name}";
}

/// <summary>
/// <c>docker-archive:FILE[:REF|:@INDEX]</c>: a tar as <c>docker save</c> writes it. <paramref name="Name"/> is a canonical
/// reference with a tag, or <c>@</c> and the position of an image in the archive.
/// </summary>
public sealed record DockerArchiveLocation(string Path, string? Name) : ImageLocation
{
    /// <inheritdoc/>
    public override string ToString() => Name is null ? $"docker-archive:{Path}" : $"docker-archive:{Path}:{Name}";
}

/// <summary><c>dir:DIR</c>: one image as plain files, as skopeo writes them.</summary>
public sealed record DirectoryLocation(string Path) : ImageLocation
{
    /// <inheritdoc/>
    public override string ToString() => $"dir:{Path}";
}

/// <summary><c>mica:NAME</c>: the local store. The name is whatever names an image there: a reference, an image ID, a prefix of one.</summary>
public sealed record StoreLocation(string Name) : ImageLocation
{
    /// <inheritdoc/>
    public override string ToString() => $"mica:{Name}";
}
