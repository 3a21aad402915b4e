using System.ComponentModel;
using System.Diagnostics;
using Mica.Oci;

namespace Mica.Build;

/// <summary>The compressions that layers do not have but archives for ADD and contexts do: the system's own programs undo them.</summary>
public sealed class OtherDecompressor : IDisposable
{
    private readonly Process _process;
    private readonly Thread _feeding;

    private OtherDecompressor(Process process, Stream file)
    {
        _process = process;
        _feeding = new Thread(() => Feed(file)) { IsBackground = true, Name = "archive" };
        _feeding.Start();
    }

    /// <summary>What the archive's bytes are without their compression.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>Null when the bytes are of no such compression.</summary>
    /// <param name="head">The first six bytes, or all there are.</param>
    /// <param name="file">The archive from its beginning; read on a thread of its own until this is disposed.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: the program is not installed.</exception>
    public static OtherDecompressor? TryOpen(ReadOnlySpan<byte> head, Stream file)
    {
        string? program = head.StartsWith("BZh"u8) ? "bzip2" : head.StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]) ? "xz" : null;
        if (program is null)
        {
            return null;
        }

        try
        {
            var start = new ProcessStartInfo(program, "-dc") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
            return new OtherDecompressor(Process.Start(start)!, file);
        }
        catch (Win32Exception failure)
        {
            throw new MicaException(ErrorKind.Unsupported, $"the archive is compressed with {program}, which is not installed", failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Output.Dispose();
        _feeding.Join();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Feed(Stream file)
    {
        try
        {
            using Stream input = _process.StandardInput.BaseStream;
            file.CopyTo(input, 256 << 10);
        }
        catch (IOException)
        {
            // It found an error, or has seen the end.
        }
    }
}
