using System.Security.Authentication;

namespace Mica.Registry;

/// <summary>The host's certificate is not one we trust; the message says why, in words for a user.</summary>
internal sealed class CertificateRefusedException(string reason) : AuthenticationException(reason);
