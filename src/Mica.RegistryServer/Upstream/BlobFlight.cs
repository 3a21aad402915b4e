using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.RegistryServer.Upstream;

/// <summary>
/// One blob on its way from another registry, and all who wait for it. The bytes go into a file of this machine as they
/// arrive, and every follower is fed from that file at its own pace: from the first byte or from the middle, whether it came
/// first or last, and a slow one holds up nobody. The last bytes are held back until the digest of the whole is verified: what
/// is not the blob never looks complete to anybody, and never gets to the store.
/// </summary>
/// <remarks>
/// A follower waits as long as the flight makes progress; the client that fetches ends a flight that makes none. When the last
/// follower goes away, a flight that has more than half goes on alone; another one ends.
/// </remarks>
internal sealed class BlobFlight : IDisposable
{
    private const int PieceSize = 256 << 10;
    private const int HeldBack = 64 << 10;

    /// <summary>What a slow follower holds in memory.</summary>
    private const int SentPiece = 64 << 10;

    /// <summary>So much is written before the kernel is told to bring it to the disk.</summary>
    private const int WriteBehind = 8 << 20;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _abandoned = new();
    private readonly CancellationTokenRegistration _stopping;
    private readonly SafeFileHandle _file;
    private TaskCompletionSource _progress = NewSignal();
    private long _arrived;
    private bool _isVerified;
    private bool _isOver;
    private bool _isAbandoned;
    private Exception? _failure;
    private int _followers;

    /// <param name="descriptor">The digest and the size that must come.</param>
    /// <param name="path">The file, which must not be there yet.</param>
    /// <param name="stopping">Ends the flight.</param>
    public BlobFlight(Descriptor descriptor, string path, CancellationToken stopping)
    {
        Descriptor = descriptor;
        Path = path;
        _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
        _stopping = stopping.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _abandoned);
    }

    public Descriptor Descriptor { get; }

    public string Path { get; }

    /// <summary>Ended when nobody wants the blob any more.</summary>
    public CancellationToken Abandoned => _abandoned.Token;

    /// <summary>One more waits; false when the flight has ended badly, or is about to.</summary>
    public bool TryFollow()
    {
        lock (_lock)
        {
            bool isGood = _failure is null && !_isAbandoned && !_file.IsClosed;
            _followers += isGood ? 1 : 0;
            return isGood;
        }
    }

    /// <summary>One less waits.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            _followers--;
            _isAbandoned |= _followers == 0 && !_isOver && !_isVerified && _arrived * 2 <= Descriptor.Size;
            Close();
        }

        if (_isAbandoned)
        {
            _abandoned.Cancel();
        }
    }

    /// <summary>Takes all bytes, and verifies them.</summary>
    /// <exception cref="MicaException">They are not those of the blob.</exception>
    public async Task ReceiveAsync(Stream source)
    {
        using IncrementalHash hash = Digest.CreateHash(Descriptor.Digest.Algorithm);
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        long begun = 0;
        try
        {
            while (await source.ReadAsync(piece.AsMemory(0, PieceSize), Abandoned) is var read and > 0)
            {
                if (_arrived + read > Descriptor.Size)
                {
                    throw new MicaException(ErrorKind.ContentMismatch, $"{Descriptor.Digest} goes on after its {Descriptor.Size} bytes");
                }

                RandomAccess.Write(_file, piece.AsSpan(0, read), _arrived);
                if (_arrived + read - begun >= WriteBehind)
                {
                    LinuxFileSystem.StartWriting(_file, begun, _arrived + read - begun);
                    begun = _arrived + read;
                }

                hash.AppendData(piece, 0, read);
                Change(() => _arrived += read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        var actual = Digest.FromHash(Descriptor.Digest.Algorithm, hash.GetHashAndReset());
        if (_arrived != Descriptor.Size || actual != Descriptor.Digest)
        {
            throw new DigestMismatchException(Descriptor.Digest, actual);
        }

        Change(() => _isVerified = true);
    }

    /// <summary>Nothing more will come. Followers of verified bytes get them all, whatever the failure.</summary>
    public void End(Exception? failure)
    {
        Change(() =>
        {
            _failure = _isVerified ? null : failure;
            _isOver = true;
        });
        _stopping.Unregister();
    }

    /// <summary>Closes the file, now that the flight has ended, or leaves that to the last follower.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            Close();
        }
    }

    /// <summary>
    /// Waits until there is something to send from <paramref name="offset"/> on, which is in the blob; tells up to where. Who wants
    /// bytes up to <paramref name="end"/> gets the last of them when the whole is verified: a part too is never complete before.
    /// </summary>
    /// <exception cref="Exception">What the flight failed of.</exception>
    public async Task<long> ArriveAsync(long offset, long end, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task progress;
            lock (_lock)
            {
                if (_failure is not null)
                {
                    // A new one each time: several throw it at once.
                    throw _failure is MicaException error ? UpstreamException.Of(error)
                        : new UpstreamException(ErrorKind.Unavailable, $"the transfer of {Descriptor.Digest} was ended", _failure);
                }

                long visible = _isVerified ? Descriptor.Size : Math.Min(_arrived, Math.Min(end, Descriptor.Size) - HeldBack);
                if (visible > offset || _isVerified)
                {
                    return visible;
                }

                progress = _progress.Task;
            }

            await progress.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Writes a part of the blob to <paramref name="target"/> as it arrives.</summary>
    public async Task SendAsync(long offset, long length, PipeWriter target, CancellationToken cancellationToken)
    {
        long end = offset + length;
        while (offset < end)
        {
            long visible = await ArriveAsync(offset, end, cancellationToken);
            int wanted = (int)Math.Min(Math.Min(visible, end) - offset, SentPiece);
            int read = RandomAccess.Read(_file, target.GetMemory(wanted).Span[..wanted], offset);
            if (read == 0)
            {
                throw new MicaException(ErrorKind.Internal, $"{Path} is shorter than what was written to it");
            }

            target.Advance(read);
            offset += read;
            FlushResult result = await target.FlushAsync(cancellationToken);
            if (result.IsCompleted || result.IsCanceled)
            {
                return;
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Change(Action change)
    {
        TaskCompletionSource signal;
        lock (_lock)
        {
            change();
            signal = _progress;
            _progress = NewSignal();
        }

        signal.SetResult();
    }

    /// <summary>The last one turns off the light. Under the lock.</summary>
    private void Close()
    {
        if (_isOver && _followers == 0)
        {
            _file.Dispose();
        }
    }
}
