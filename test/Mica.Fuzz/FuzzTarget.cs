namespace Mica.Fuzz;

/// <summary>
/// A parser, and what it promises of any input at all. An input is accepted, or refused by a <see cref="Oci.MicaException"/> that is
/// fit to be shown; whatever else comes out is a bug, which <see cref="FuzzCase"/> tells.
/// </summary>
internal abstract class FuzzTarget : IDisposable
{
    /// <summary>One line for the list of targets.</summary>
    public abstract string Description { get; }

    /// <summary>What mutation begins with: inputs that are accepted, small ones.</summary>
    public abstract IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>What means something in the format, for mutation to put in.</summary>
    public virtual IReadOnlyList<byte[]> Words => [];

    /// <summary>Bytes in all that an input of the sizes used here has reason to take, output included.</summary>
    public virtual long MaxAllocated => 512L << 20;

    /// <summary>Makes an input of its own, which blind mutation would hardly find; null leaves it to that.</summary>
    public virtual byte[]? Generate(Mutator mutator, Random random) => null;

    /// <summary>Repairs what would hide everything behind it, such as checksums, after blind mutation.</summary>
    public virtual byte[] Repair(byte[] input, Random random) => input;

    /// <summary>Parses the input, and throws a <see cref="FuzzFailure"/> for what parsed but is not what was promised.</summary>
    public abstract void Run(byte[] input);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
