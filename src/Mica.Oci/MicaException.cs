namespace Mica.Oci;

/// <summary>
/// The one exception that Mica raises on purpose. Its message is one line, lower case, the most specific fact first, with
/// the object's name; it never holds a secret, so it can be shown and logged as it is.
/// </summary>
public class MicaException(ErrorKind kind, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The class of the failure.</summary>
    public ErrorKind Kind { get; } = kind;
}

/// <summary>Content does not have the digest that names it. Nothing of it was made visible.</summary>
public sealed class DigestMismatchException(Digest expected, Digest actual)
    : MicaException(ErrorKind.ContentMismatch, $"content of {expected} is damaged: its digest is {actual}")
{
    /// <summary>The digest that was asked for.</summary>
    public Digest Expected { get; } = expected;

    /// <summary>The digest of the bytes that came.</summary>
    public Digest Actual { get; } = actual;
}
