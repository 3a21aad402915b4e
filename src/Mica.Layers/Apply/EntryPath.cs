using Mica.Oci;

namespace Mica.Layers;

/// <summary>What a path in a layer's archive stands for.</summary>
internal enum EntryMeaning
{
    /// <summary>The file that it names.</summary>
    Itself,

    /// <summary>Lower layers' file of that name, without the prefix, does not show.</summary>
    Whiteout,

    /// <summary>Nothing that lower layers have in the directory shows.</summary>
    Opaque,

    /// <summary>Nothing: what aufs kept for itself.</summary>
    AufsMetadata,
}

/// <summary>
/// Paths of an archive, made relative to the layer's root and free of <c>.</c>, <c>..</c> and empty components. Links are not
/// looked at: what a path leads to is found out one component at a time. image-spec layer.md#whiteouts.
/// </summary>
internal static class EntryPath
{
    public static ReadOnlySpan<byte> WhiteoutPrefix => ".wh."u8;

    private static ReadOnlySpan<byte> AufsPrefix => ".wh..wh."u8;

    private static ReadOnlySpan<byte> OpaqueMarker => ".wh..wh..opq"u8;

    /// <summary>
    /// Writes the path into <paramref name="buffer"/>, which is as long as <paramref name="path"/>; the root is empty. As
    /// everywhere in the field an absolute path begins at the layer's root, and <c>a/../b</c> is <c>b</c> whatever <c>a</c> is.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: it leaves the layer.</exception>
    public static ReadOnlySpan<byte> Normalize(LinuxPath path, Span<byte> buffer)
    {
        int length = 0;
        foreach (Range range in path.Bytes.Split((byte)'/'))
        {
            ReadOnlySpan<byte> component = path.Bytes[range];
            if (component.IsEmpty || component.SequenceEqual("."u8))
            {
                continue;
            }

            if (component.SequenceEqual(".."u8))
            {
                if (length == 0 && path.Bytes[0] != '/')
                {
                    throw new MicaException(ErrorKind.ContentMismatch, $"{path}: the path leads out of the layer");
                }

                length = Math.Max(0, buffer[..length].LastIndexOf((byte)'/'));
                continue;
            }

            if (length > 0)
            {
                buffer[length++] = (byte)'/';
            }

            component.CopyTo(buffer[length..]);
            length += component.Length;
        }

        return buffer[..length];
    }

    /// <summary>The directory that <paramref name="path"/> is in, and its name there.</summary>
    public static ReadOnlySpan<byte> Split(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> name)
    {
        int slash = path.LastIndexOf((byte)'/');
        name = path[(slash + 1)..];
        return path[..Math.Max(slash, 0)];
    }

    /// <summary>What the normalized <paramref name="path"/> stands for.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: the prefix is where it means nothing.</exception>
    public static EntryMeaning Classify(ReadOnlySpan<byte> path)
    {
        if (path.IndexOf(WhiteoutPrefix) < 0)
        {
            return EntryMeaning.Itself;
        }

        ReadOnlySpan<byte> parent = Split(path, out ReadOnlySpan<byte> name);
        bool inWhiteout = false;
        foreach (Range range in parent.Split((byte)'/'))
        {
            if (parent[range].StartsWith(AufsPrefix))
            {
                return EntryMeaning.AufsMetadata;
            }

            inWhiteout |= parent[range].StartsWith(WhiteoutPrefix);
        }

        if (inWhiteout)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{new LinuxPath(path)}: a whiteout is no directory");
        }

        if (!name.StartsWith(WhiteoutPrefix))
        {
            return EntryMeaning.Itself;
        }

        if (name.StartsWith(AufsPrefix))
        {
            return name.SequenceEqual(OpaqueMarker) ? EntryMeaning.Opaque : EntryMeaning.AufsMetadata;
        }

        ReadOnlySpan<byte> hidden = name[WhiteoutPrefix.Length..];
        return hidden.IsEmpty || hidden.SequenceEqual("."u8) || hidden.SequenceEqual(".."u8)
            ? throw new MicaException(ErrorKind.ContentMismatch, $"{new LinuxPath(path)}: the whiteout names no file")
            : EntryMeaning.Whiteout;
    }
}
