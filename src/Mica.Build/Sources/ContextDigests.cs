using System.Collections.Concurrent;
using System.Text;
using Mica.Layers;
using Mica.Linux;

namespace Mica.Build;

/// <summary>
/// What the files of a context had as content when they were hashed last, so that only those are read that changed since:
/// whose size, times or inode differ. A file that was changed just before it was hashed is not trusted: within the clock's
/// step it could have changed again unseen.
/// </summary>
internal sealed class ContextDigests(string file, TimeProvider time)
{
    private const string Header = "mica context digests 1";

    private readonly ConcurrentDictionary<LinuxPath, (Stamp Stamp, string Digest)> _known = [];
    private int _changes;

    /// <summary>Reads what is there; a damaged file counts as none.</summary>
    public static ContextDigests Load(string file, TimeProvider time)
    {
        var digests = new ContextDigests(file, time);
        try
        {
            using var reader = new BinaryReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 128 << 10), Encoding.UTF8);
            if (reader.ReadString() != Header)
            {
                return digests;
            }

            for (int count = reader.ReadInt32(); count > 0; count--)
            {
                var path = new LinuxPath(reader.ReadBytes(reader.ReadInt32()));
                var stamp = new Stamp(reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadUInt64());
                digests._known[path] = (stamp, Convert.ToHexStringLower(reader.ReadBytes(32)));
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException)
        {
            digests._known.Clear();
        }

        return digests;
    }

    public string? Find(LinuxPath path, FileStatus status) =>
        _known.TryGetValue(path, out (Stamp Stamp, string Digest) known) && known.Stamp == Stamp.Of(status) ? known.Digest : null;

    public void Add(LinuxPath path, FileStatus status, string digest)
    {
        if (time.GetUtcNow().ToUnixTimeSeconds() - Math.Max(status.Modified.Seconds, status.Changed.Seconds) > 2)
        {
            _known[path] = (Stamp.Of(status), digest);
            Interlocked.Increment(ref _changes);
        }
    }

    /// <summary>Writes what is known, in one step; a failure only costs time.</summary>
    public void Save()
    {
        if (_changes == 0)
        {
            return;
        }

        string temporary = $"{file}.{Environment.ProcessId}.new";
        try
        {
            using (var writer = new BinaryWriter(new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 128 << 10), Encoding.UTF8))
            {
                (LinuxPath Path, (Stamp Stamp, string Digest) Value)[] all = [.. _known.Select(pair => (pair.Key, pair.Value))];
                writer.Write(Header);
                writer.Write(all.Length);
                foreach ((LinuxPath path, (Stamp stamp, string digest)) in all)
                {
                    writer.Write(path.Length);
                    writer.Write(path.Bytes);
                    writer.Write(stamp.Size);
                    writer.Write(stamp.Modified);
                    writer.Write(stamp.ModifiedNanoseconds);
                    writer.Write(stamp.Changed);
                    writer.Write(stamp.ChangedNanoseconds);
                    writer.Write(stamp.Inode);
                    writer.Write(Convert.FromHexString(digest));
                }
            }

            File.Move(temporary, file, overwrite: true);
        }
        catch (IOException)
        {
            File.Delete(temporary);
        }
    }

    private readonly record struct Stamp(long Size, long Modified, long ModifiedNanoseconds, long Changed, long ChangedNanoseconds, ulong Inode)
    {
        public static Stamp Of(FileStatus status) => new(
            status.Size, status.Modified.Seconds, status.Modified.Nanoseconds, status.Changed.Seconds, status.Changed.Nanoseconds, status.Identity.Inode);
    }
}
