using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;

namespace Mica.Build;

/// <summary>
/// Describes files that a step takes: paths, kinds, contents, and modes and owners as far as they reach the result; never
/// times. Every file is a piece of its own among the inputs, or, when there are many, every directory at the top.
/// </summary>
internal sealed class SourceDigest(ISourceTree tree, PatternList excluded, bool withModes, bool withOwners, bool portableModes, SourceFingerprint? seen = null)
{
    private const int MaxPieces = 400;

    private readonly List<Fact> _facts = [];
    private readonly List<byte> _paths = [];
    private readonly Dictionary<FileIdentity, int> _links = [];
    private readonly bool _withOwners = withOwners && !tree.IsOwnedByRoot;

    /// <summary>Adds what is at <paramref name="path"/>, called <paramref name="name"/> by the source.</summary>
    public void Add(LinuxPath path, LinuxPath name, FileStatus status, CancellationToken cancellationToken)
    {
        _links.Clear(); // each source is copied by itself
        if (path.IsEmpty)
        {
            AddFact(null, new SourceEntry([], status), name.Bytes);
        }
        else
        {
            using ISourceDirectory directory = tree.OpenDirectory(path.Parent);
            AddFact(directory, new SourceEntry(path.Name.ToArray(), status), name.Bytes);
        }

        if (status.Kind == FileKind.Directory)
        {
            byte[] shown = name.IsEmpty ? [] : [.. name.Bytes, (byte)'/'];
            new SourceWalk(
                excluded, (ISourceDirectory directory, in SourceEntry entry, ReadOnlySpan<byte> below) => AddFact(directory, entry, shown, below), cancellationToken)
                .Run(tree, path);
        }
    }

    /// <summary>Writes the pieces.</summary>
    public void WriteTo(StepInputs inputs)
    {
        ReadOnlySpan<byte> paths = CollectionsMarshal.AsSpan(_paths);
        if (_facts.Count <= MaxPieces)
        {
            foreach (Fact fact in _facts)
            {
                inputs.Add($"content of {Encoding.Latin1.GetString(fact.Path(paths))}", Text(fact));
            }

            return;
        }

        // A directory comes before all that is in it, and all of it together.
        for (int index = 0; index < _facts.Count;)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            ReadOnlySpan<byte> top = Top(_facts[index].Path(paths));
            for (; index < _facts.Count && Top(_facts[index].Path(paths)).SequenceEqual(top); index++)
            {
                _facts[index].WriteTo(hash, paths);
            }

            inputs.Add($"content of {Encoding.Latin1.GetString(top)}", Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
    }

    /// <summary>The first two components.</summary>
    private static ReadOnlySpan<byte> Top(ReadOnlySpan<byte> path)
    {
        int slash = path.IndexOf((byte)'/');
        int second = slash < 0 ? -1 : path[(slash + 1)..].IndexOf((byte)'/');
        return second >= 0 ? path[..(slash + second + 2)] : slash >= 0 ? path[..(slash + 1)] : path;
    }

    private void AddFact(ISourceDirectory? directory, in SourceEntry entry, ReadOnlySpan<byte> beginning, ReadOnlySpan<byte> rest = default)
    {
        seen?.Add(entry);
        FileStatus status = entry.Status;
        int start = _paths.Count;
        _paths.AddRange(beginning);
        _paths.AddRange(rest);
        if (status.Kind == FileKind.Directory)
        {
            _paths.Add((byte)'/');
        }

        _facts.Add(new Fact
        {
            Start = start,
            Length = _paths.Count - start,
            Kind = status.Kind,
            Mode = withModes && status.Kind != FileKind.SymbolicLink ? CopySources.Mode(status, portableModes) : null,
            Owner = _withOwners ? (status.Uid, status.Gid) : null,
            Node = status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice ? (status.NodeMajor, status.NodeMinor) : default,
            Link = status.Kind == FileKind.SymbolicLink ? directory!.ReadSymbolicLink(entry.Name) : [],
            SameAs = status.Kind == FileKind.File && status.LinkCount > 1 && !tree.IsOwnedByRoot && !_links.TryAdd(status.Identity, _facts.Count) ? _links[status.Identity] : null,
            Hash = status.Kind == FileKind.File ? directory!.HashOf(entry) : default,
        });
    }

    /// <summary>For people.</summary>
    private static string Text(in Fact fact)
    {
        string mode = fact.Mode is { } bits ? $" mode {Convert.ToString(bits, 8)}" : "";
        string owner = fact.Owner is var (uid, gid) ? $" owner {uid}:{gid}" : "";
        return fact.Kind switch
        {
            FileKind.File => $"{fact.Hash}{(fact.SameAs is { } first ? $" same as file {first}" : "")}{mode}{owner}",
            FileKind.SymbolicLink => $"link to {Encoding.Latin1.GetString(fact.Link)}{owner}",
            FileKind.Directory => $"directory{mode}{owner}",
            _ => $"{fact.Kind} {fact.Node.Major}:{fact.Node.Minor}{mode}{owner}",
        };
    }

    /// <summary>What counts of one file.</summary>
    private readonly struct Fact
    {
        public required int Start { get; init; }

        public required int Length { get; init; }

        public required FileKind Kind { get; init; }

        public required uint? Mode { get; init; }

        public required (uint Uid, uint Gid)? Owner { get; init; }

        public required (uint Major, uint Minor) Node { get; init; }

        public required byte[] Link { get; init; }

        public required ContentHash Hash { get; init; }

        /// <summary>Names of one file stay names of one file, except in a context, where that is the host's affair.</summary>
        public required int? SameAs { get; init; }

        public ReadOnlySpan<byte> Path(ReadOnlySpan<byte> paths) => paths.Slice(Start, Length);

        /// <summary>All of it, each part with a length that is fixed or written.</summary>
        public void WriteTo(IncrementalHash hash, ReadOnlySpan<byte> paths)
        {
            Span<byte> numbers = stackalloc byte[40];
            BinaryPrimitives.WriteInt32LittleEndian(numbers, Length);
            BinaryPrimitives.WriteInt32LittleEndian(numbers[4..], (int)Kind);
            BinaryPrimitives.WriteInt64LittleEndian(numbers[8..], Mode ?? -1L);
            BinaryPrimitives.WriteUInt32LittleEndian(numbers[16..], Owner?.Uid ?? uint.MaxValue);
            BinaryPrimitives.WriteUInt32LittleEndian(numbers[20..], Owner?.Gid ?? uint.MaxValue);
            BinaryPrimitives.WriteUInt32LittleEndian(numbers[24..], Node.Major);
            BinaryPrimitives.WriteUInt32LittleEndian(numbers[28..], Node.Minor);
            BinaryPrimitives.WriteInt32LittleEndian(numbers[32..], Link.Length);
            BinaryPrimitives.WriteInt32LittleEndian(numbers[36..], SameAs ?? -1);
            hash.AppendData(numbers);
            hash.AppendData(Path(paths));
            hash.AppendData(Link);
            ContentHash content = Hash;
            hash.AppendData(content);
        }
    }
}
