using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// The <c>GNU.sparse.*</c> records of one entry. Version 0.0 repeats <c>offset</c> and <c>numbytes</c>, 0.1 has a <c>map</c>, 1.0
/// puts the map in front of the data. GNU tar manual, "PAX Format, Version …".
/// </summary>
internal sealed class PaxSparse
{
    private long? _pendingOffset;
    private long? _major;
    private long? _minor;

    /// <summary>The file's own name, where <c>path</c> is one made up for readers that do not know sparse files.</summary>
    public LinuxPath? Name { get; private set; }

    /// <summary>The file's size, holes included.</summary>
    public long? RealSize { get; private set; }

    /// <summary>From the records of version 0.0 or 0.1; null when there are none.</summary>
    public List<SparseSegment>? Segments { get; private set; }

    /// <summary>The map precedes the data.</summary>
    public bool MapIsInContent => _major == 1 && _minor == 0;

    public void Apply(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        switch (key["GNU.sparse.".Length..])
        {
            case var name when name.SequenceEqual("major"u8):
                _major = PaxAttributes.Number(value, "GNU.sparse.major");
                break;
            case var name when name.SequenceEqual("minor"u8):
                _minor = PaxAttributes.Number(value, "GNU.sparse.minor");
                break;
            case var name when name.SequenceEqual("name"u8):
                Name = PaxAttributes.Name(value, "GNU.sparse.name");
                break;
            case var name when name.SequenceEqual("size"u8) || name.SequenceEqual("realsize"u8):
                RealSize = PaxAttributes.Number(value, "GNU.sparse.size");
                break;
            case var name when name.SequenceEqual("numblocks"u8):
                // A file that is one hole has no more to say than this.
                Segments ??= [];
                break;
            case var name when name.SequenceEqual("offset"u8):
                _pendingOffset = PaxAttributes.Number(value, "GNU.sparse.offset");
                break;
            case var name when name.SequenceEqual("numbytes"u8):
                long length = PaxAttributes.Number(value, "GNU.sparse.numbytes");
                Add(_pendingOffset ?? throw SparseMap.Malformed(), length);
                _pendingOffset = null;
                break;
            case var name when name.SequenceEqual("map"u8):
                ApplyMap(value);
                break;
        }
    }

    /// <exception cref="MicaException">A version that nobody has defined.</exception>
    public void CheckVersion()
    {
        if (_major is { } major && !MapIsInContent && major != 0)
        {
            throw new MicaException(ErrorKind.Unsupported, $"tar: sparse files of version {major}.{_minor ?? 0} are not supported");
        }
    }

    private void ApplyMap(ReadOnlySpan<byte> map)
    {
        Segments = [];
        if (map.IsEmpty)
        {
            return;
        }

        long? offset = null;
        foreach (Range range in map.Split((byte)','))
        {
            long number = PaxAttributes.Number(map[range], "GNU.sparse.map");
            if (offset is { } known)
            {
                Add(known, number);
                offset = null;
            }
            else
            {
                offset = number;
            }
        }

        if (offset is not null)
        {
            throw SparseMap.Malformed();
        }
    }

    private void Add(long offset, long length)
    {
        Segments ??= [];
        SparseMap.Add(Segments, offset, length);
    }
}
