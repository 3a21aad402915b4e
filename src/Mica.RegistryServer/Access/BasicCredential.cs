using System.Net.Http.Headers;
using System.Text;

namespace Mica.RegistryServer.Access;

/// <summary>A name and a password. RFC 7617. Printing it shows no secret.</summary>
internal sealed record BasicCredential(string Name, string Password)
{
    private const int MaxLength = 32 << 10;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the value of an <c>Authorization</c> header; null when it is not in the form.</summary>
    public static BasicCredential? Parse(AuthenticationHeaderValue header)
    {
        if (header.Parameter is not { Length: > 0 and <= MaxLength } parameter)
        {
            return null;
        }

        try
        {
            string pair = s_strict.GetString(Convert.FromBase64String(parameter));
            int colon = pair.IndexOf(':', StringComparison.Ordinal);
            return colon < 0 ? null : Of(pair[..colon], pair[(colon + 1)..]);
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>
    /// Robots log in as <c>robot+NAME</c>: some clients refuse a colon. With those that do not, the colon in <c>robot:NAME</c>
    /// has ended the name too early.
    /// </summary>
    public static BasicCredential Of(string name, string password)
    {
        int colon = password.IndexOf(':', StringComparison.Ordinal);
        return name.StartsWith(Robots.LoginPrefix, StringComparison.Ordinal) ? new BasicCredential(Robots.Prefix + name[Robots.LoginPrefix.Length..], password)
            : name == HtpasswdFile.ReservedName && colon > 0 ? new BasicCredential(Robots.Prefix + password[..colon], password[(colon + 1)..])
            : new BasicCredential(name, password);
    }

    public override string ToString() => "a name and a password";
}
