using System.Globalization;
using System.Text;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Runtime;

/// <summary>A piece of what a container wrote: a line with its end, or a part of one that was written in parts.</summary>
/// <param name="Time">When, in RFC 3339 with nanoseconds.</param>
/// <param name="IsError">To standard error.</param>
/// <param name="IsPartial">The line goes on with the next piece of the same stream.</param>
/// <param name="Content">Valid until the next piece is asked for.</param>
public readonly record struct LogPiece(string Time, bool IsError, bool IsPartial, ReadOnlyMemory<byte> Content)
{
    /// <summary><see cref="Time"/>, read.</summary>
    public DateTimeOffset At => DateTimeOffset.TryParse(Time, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset at) ? at : default;
}

/// <summary>
/// Reads the log that a container's monitor writes: lines of <c>TIME STREAM TAG CONTENT</c>, where the tag P is a line that goes
/// on. A log that is being written is read as far as it goes; what replaced it is read on from its beginning.
/// </summary>
public sealed class ContainerLog : IDisposable
{
    private const int BufferSize = 64 << 10;

    private readonly string _path;
    private SafeFileHandle? _file;
    private byte[] _buffer = new byte[BufferSize];
    private long _offset;
    private int _start;
    private int _end;

    /// <summary>Opens the log; one that is not there yet is empty.</summary>
    public ContainerLog(string path)
    {
        _path = path;
        Reopen();
    }

    /// <summary>Goes to where the last <paramref name="lines"/> lines begin.</summary>
    public void SeekToTail(int lines)
    {
        if (_file is null)
        {
            return;
        }

        long length = RandomAccess.GetLength(_file);
        _offset = lines == 0 ? length : FindTail(lines, length);
        _start = _end = 0;
    }

    /// <summary>The next piece; null when there is none (yet).</summary>
    public LogPiece? Read()
    {
        while (true)
        {
            int newline = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, newline + 1);
                _start += newline + 1;
                return Parse(line);
            }

            if (!Fill())
            {
                return null;
            }
        }
    }

    /// <summary>Closes the log.</summary>
    public void Dispose() => _file?.Dispose();

    private static LogPiece? Parse(ReadOnlyMemory<byte> line)
    {
        // 2026-01-02T03:04:05.000000006+00:00 stdout F text
        ReadOnlySpan<byte> bytes = line.Span;
        int time = bytes.IndexOf((byte)' ');
        int stream = time < 0 ? -1 : bytes[(time + 1)..].IndexOf((byte)' ');
        if (stream < 0 || bytes.Length < time + stream + 4)
        {
            return new LogPiece("", IsError: false, IsPartial: false, line);
        }

        int tag = time + 1 + stream + 1;
        bool isPartial = bytes[tag] == 'P';
        ReadOnlyMemory<byte> content = line[Math.Min(tag + 2, line.Length)..];
        return new LogPiece(
            Printable.Of(Encoding.UTF8.GetString(bytes[..time])), bytes.Slice(time + 1, stream).SequenceEqual("stderr"u8), isPartial,
            isPartial ? content[..^1] : content);
    }

    private bool Fill()
    {
        if (_file is null)
        {
            Reopen();
            if (_file is null)
            {
                return false;
            }
        }

        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _buffer.Length); // the monitor's own pieces are 8 KiB
        }

        int count = RandomAccess.Read(_file, _buffer.AsSpan(_end), _offset);
        if (count > 0)
        {
            _end += count;
            _offset += count;
            return true;
        }

        return WasReplaced() && Reopen();
    }

    /// <summary>The monitor begins a new file when one is too long.</summary>
    private bool WasReplaced()
    {
        if (RandomAccess.GetLength(_file!) < _offset)
        {
            return true;
        }

        using SafeFileHandle? now = TryOpen();
        return now is not null && LinuxFileSystem.IdentityOf(now) != LinuxFileSystem.IdentityOf(_file!);
    }

    private bool Reopen()
    {
        _file?.Dispose();
        _file = TryOpen();
        (_offset, _start, _end) = (0, 0, 0);
        return _file is not null;
    }

    private SafeFileHandle? TryOpen()
    {
        try
        {
            return File.OpenHandle(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Reads backwards, since a log can be long.</summary>
    private long FindTail(int lines, long length)
    {
        byte[] block = new byte[BufferSize];
        byte[] rest = [];
        long start = length;
        long begin = length; // of the line that was looked at last
        while (start > 0)
        {
            int size = (int)Math.Min(block.Length, start);
            start -= size;
            RandomAccess.Read(_file!, block.AsSpan(0, size), start);
            byte[] text = [.. block.AsSpan(0, size), .. rest];
            int end = text.Length;
            while (end > 0)
            {
                // The newline that ends the line before the one that ends at end.
                int newline = text.AsSpan(0, end - 1).LastIndexOf((byte)'\n');
                if (newline < 0 && start > 0)
                {
                    break;
                }

                ReadOnlyMemory<byte> line = text.AsMemory((newline + 1)..end);
                if (line.Span[^1] == '\n' && Parse(line) is { IsPartial: false } && lines-- == 0)
                {
                    return begin;
                }

                begin = start + newline + 1;
                end = newline + 1;
            }

            rest = text[..end];
        }

        return 0;
    }
}
