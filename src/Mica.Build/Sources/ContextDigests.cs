using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Mica.Linux;

namespace Mica.Build;

/// <summary>
/// What the files of a context had as content when they were hashed last, so that only those are read that changed since:
/// whose inode, size or times differ. A file that was changed just before it was hashed is not trusted: within the clock's
/// step it could have changed again unseen. The kernel sets the time of change, nobody else can. Safe for concurrent use.
/// </summary>
internal sealed class ContextDigests
{
    private const ulong Format = 0x32_7473_6567_6964; // "digest2"
    private const int MaxFiles = 4 << 20;
    private const int KeptUnused = 16;
    private const int TrustedAfterSeconds = 2;

    private readonly string _file;
    private readonly TimeProvider _time;
    private readonly Known[] _known;
    private readonly ConcurrentDictionary<ulong, Known> _new = [];

    private ContextDigests(string file, TimeProvider time, Known[] known)
    {
        _file = file;
        _time = time;
        _known = known;
    }

    /// <summary>Reads what is there; a damaged file counts as none.</summary>
    public static ContextDigests Load(string file, TimeProvider time) => new(file, time, Read(file));

    public bool TryFind(in FileStatus status, out ContentHash hash)
    {
        int low = 0, high = _known.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            ref Known known = ref _known[middle];
            if (known.Inode == status.Identity.Inode)
            {
                hash = known.Hash;
                if (known.IsOf(status))
                {
                    known.Unused = 0;
                    return true;
                }

                return false;
            }

            (low, high) = known.Inode < status.Identity.Inode ? (middle + 1, high) : (low, middle - 1);
        }

        hash = default;
        return _new.TryGetValue(status.Identity.Inode, out Known added) && added.IsOf(status) && (hash = added.Hash) is var _;
    }

    public void Add(in FileStatus status, in ContentHash hash)
    {
        if (_time.GetUtcNow().ToUnixTimeSeconds() - Math.Max(status.Modified.Seconds, status.Changed.Seconds) > TrustedAfterSeconds)
        {
            _new[status.Identity.Inode] = Known.Of(status, hash);
        }
    }

    /// <summary>Writes what is known, in one step, without what many builds did not need; a failure only costs time.</summary>
    public void Save()
    {
        if (_new.IsEmpty)
        {
            return;
        }

        var all = new List<Known>(_known.Length + _new.Count);
        foreach (Known known in _known)
        {
            if (known.Unused < KeptUnused && !_new.ContainsKey(known.Inode))
            {
                all.Add(known with { Unused = known.Unused + 1 });
            }
        }

        all.AddRange(_new.Values);
        all.Sort((left, right) => left.Inode.CompareTo(right.Inode));
        string temporary = $"{_file}.{Environment.ProcessId}.new";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                ReadOnlySpan<ulong> format = [Format];
                stream.Write(MemoryMarshal.AsBytes(format));
                stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(all)));
            }

            File.Move(temporary, _file, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
        }
    }

    private static Known[] Read(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            Span<ulong> format = [0];
            stream.ReadExactly(MemoryMarshal.AsBytes(format));
            (long count, long rest) = Math.DivRem(stream.Length - sizeof(ulong), Marshal.SizeOf<Known>());
            if (format[0] != Format || rest != 0 || count > MaxFiles)
            {
                return [];
            }

            Known[] known = GC.AllocateUninitializedArray<Known>((int)count);
            stream.ReadExactly(MemoryMarshal.AsBytes(known.AsSpan()));
            return known;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>One file, as it lies in the digests' file.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private record struct Known
    {
        public ulong Inode;
        public long Size;
        public long Modified;
        public long Changed;

        /// <summary>How often the file was written since it was needed.</summary>
        public long Unused;
        public ContentHash Hash;

        public static Known Of(in FileStatus status, in ContentHash hash) => new()
        {
            Inode = status.Identity.Inode,
            Size = status.Size,
            Modified = Nanoseconds(status.Modified),
            Changed = Nanoseconds(status.Changed),
            Hash = hash,
        };

        public readonly bool IsOf(in FileStatus status) => Inode == status.Identity.Inode && Size == status.Size
            && Modified == Nanoseconds(status.Modified) && Changed == Nanoseconds(status.Changed);

        private static long Nanoseconds(FileTime time) => unchecked((time.Seconds * 1_000_000_000) + time.Nanoseconds);
    }
}
